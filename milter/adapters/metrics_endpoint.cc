// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/metrics_endpoint.hh"

#include "common/descriptor.hh"
#include "common/ip_network.hh"
#include "common/log.hh"
#include "common/text.hh"

#include <fmt/format.h>
#include <netdb.h>
#include <prometheus/exposer.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>
#include <vector>

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

MetricsEndpoint::MetricsEndpoint(std::unique_ptr<prometheus::Exposer> exposer)
    : exposer_(std::move(exposer)) {}

MetricsEndpoint::~MetricsEndpoint() = default;

Result<std::unique_ptr<MetricsEndpoint>> MetricsEndpoint::open(const Address& address) {
    const auto port = listeningPort(address);
    if (!port)
        return tl::unexpected(port.error());
    const std::vector<std::string> options{
        "listening_ports",    *port,      "num_threads",      threads,
        "request_timeout_ms", patienceMs, "max_request_size", longestRequest};
    try {
        return std::unique_ptr<MetricsEndpoint>(
            new MetricsEndpoint(std::make_unique<prometheus::Exposer>(options)));
    } catch (const std::exception& error) {
        return fail(escapeForDisplay(error.what()));
    }
}

void MetricsEndpoint::serve(const std::shared_ptr<prometheus::Collectable>& metrics) {
    exposer_->RegisterCollectable(metrics);
}

} // namespace sluice
