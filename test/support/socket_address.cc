// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/socket_address.hh"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <charconv>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>

namespace sluice::mta {
namespace {

tl::unexpected<Trouble> unusable(std::string_view what, std::string_view value) {
    return trouble(Trouble::Kind::usage, std::string(what) + " \"" + std::string(value) + "\"");
}

std::optional<in_port_t> parsePort(std::string_view digits) {
    in_port_t port = 0;
    const auto* end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, port);
    if (error != std::errc{} || stopped != end || port == 0)
        return std::nullopt;
    return port;
}

std::string numericHost(int family, std::string_view host) {
    if (host != "localhost")
        return std::string(host);
    return family == AF_INET ? "127.0.0.1" : "::1";
}

} // namespace

const sockaddr* SocketAddress::get() const {
    return reinterpret_cast<const sockaddr*>(&storage_);
}

Outcome<SocketAddress> SocketAddress::parse(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos)
        return unusable("no kind of socket in", text);
    const auto kind = text.substr(0, colon);
    const auto rest = text.substr(colon + 1);
    if (kind == "unix" || kind == "local")
        return unixPath(rest);
    if (kind == "inet")
        return inet(AF_INET, rest);
    if (kind == "inet6")
        return inet(AF_INET6, rest);
    return unusable("unknown kind of socket", kind);
}

Outcome<SocketAddress> SocketAddress::unixPath(std::string_view path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return unusable("empty or too long a path", path);
    std::memcpy(address.sun_path, path.data(), path.size());
    SocketAddress result;
    std::memcpy(&result.storage_, &address, sizeof address);
    result.size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return result;
}

Outcome<SocketAddress> SocketAddress::inet(int family, std::string_view portAtHost) {
    const auto at = portAtHost.find('@');
    if (at == std::string_view::npos)
        return unusable("no host in", portAtHost);
    const auto port = parsePort(portAtHost.substr(0, at));
    if (!port)
        return unusable("bad port", portAtHost.substr(0, at));
    const auto host = numericHost(family, portAtHost.substr(at + 1));
    SocketAddress result;
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(*port);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(*port);
    if (family == AF_INET && inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
        std::memcpy(&result.storage_, &v4, sizeof v4);
        result.size_ = sizeof v4;
    } else if (family == AF_INET6 && inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
        std::memcpy(&result.storage_, &v6, sizeof v6);
        result.size_ = sizeof v6;
    } else {
        return unusable("bad address", host);
    }
    return result;
}

} // namespace sluice::mta
