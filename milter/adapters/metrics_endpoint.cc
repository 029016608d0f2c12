// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/metrics_endpoint.hh"

#include "common/descriptor.hh"
#include "common/ip_network.hh"
#include "common/log.hh"
#include "common/text.hh"

#include <civetweb.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <string_view>
#include <utility>

namespace sluice {
namespace {

constexpr const char* threads = "8";
/// For all of a request, and for all of its answer.
constexpr const char* patienceMs = "2000";
constexpr const char* longestRequest = "8192";

struct FreeAddresses {
    void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

/// The HTTP library does not say why it cannot listen, so this asks the system first.
Result<void> tryToBind(const addrinfo& address) {
    const Descriptor socket(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(socket.get(), address.ai_addr, address.ai_addrlen) != 0 ||
        ::listen(socket.get(), 1) != 0)
        return fail(std::strerror(errno));
    return {};
}

/// `ADDRESS:PORT`, as the HTTP library wants it.
Result<std::string> listeningPort(const MetricsEndpoint::Address& address) {
    addrinfo hints{};
    hints.ai_family = address.ipv6 ? AF_INET6 : AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int failure =
        ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
    if (failure != 0)
        return fail(::gai_strerror(failure));
    const std::unique_ptr<addrinfo, FreeAddresses> list(found);
    if (auto bound = tryToBind(*list); !bound)
        return tl::unexpected(bound.error());
    const auto numeric = IpAddress::fromSockaddr(list->ai_addr);
    if (!numeric)
        return fail("no address");
    if (!numeric->isLoopback())
        log::warning(LogCategory::daemon,
                     "metrics on {} can be read from outside this machine: they have no "
                     "authentication",
                     numeric->text());
    return address.ipv6 ? fmt::format("[{}]:{}", numeric->text(), address.port)
                        : fmt::format("{}:{}", numeric->text(), address.port);
}

} // namespace

MetricsEndpoint::~MetricsEndpoint() {
    mg_stop(server_);
}

Result<std::unique_ptr<MetricsEndpoint>> MetricsEndpoint::open(const Address& address) {
    const auto port = listeningPort(address);
    if (!port)
        return tl::unexpected(port.error());
    std::array<const char*, 9> options{
        "listening_ports", port->c_str(),      "num_threads",  threads, "request_timeout_ms",
        patienceMs,        "max_request_size", longestRequest, nullptr};
    const mg_callbacks none{};
    mg_context* const server = mg_start(&none, nullptr, options.data());
    if (server == nullptr)
        return fail("the HTTP library does not start");
    return std::unique_ptr<MetricsEndpoint>(new MetricsEndpoint(server));
}

void MetricsEndpoint::serve(std::function<std::string()> read) {
    read_ = std::move(read);
    mg_set_request_handler(server_, "/metrics", answer, this);
}

/// Runs in a thread of the HTTP library, which takes no exceptions.
int MetricsEndpoint::answer(mg_connection* connection, void* endpoint) noexcept {
    constexpr int ok = 200;
    constexpr int wrongMethod = 405;
    constexpr int unavailable = 503;
    if (std::string_view(mg_get_request_info(connection)->request_method) != "GET") {
        mg_send_http_error(connection, wrongMethod, "%s", "");
        return wrongMethod;
    }
    try {
        const std::string text = static_cast<MetricsEndpoint*>(endpoint)->read_();
        mg_send_http_ok(connection, "text/plain; charset=utf-8",
                        static_cast<long long>(text.size()));
        mg_write(connection, text.data(), text.size());
        return ok;
    } catch (const std::exception&) { // no memory
        mg_send_http_error(connection, unavailable, "%s", "");
        return unavailable;
    }
}

} // namespace sluice
