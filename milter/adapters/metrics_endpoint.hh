// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <cstdint>
#include <memory>
#include <string>

namespace prometheus {
class Collectable;
class Exposer;
} // namespace prometheus

namespace sluice {

/// Answers `GET /metrics` by HTTP, in two threads of its own: clients that are slow or many keep
/// each other waiting, and nobody else.
class MetricsEndpoint {
public:
    struct Address {
        std::string host; ///< a name or an address
        std::uint16_t port = 0;
        bool ipv6 = false;
    };

    /// Listens from now on; what is asked before serve() is not found. Error: the host is unknown,
    /// or the address cannot be had.
    static Result<std::unique_ptr<MetricsEndpoint>> open(const Address& address);
    ~MetricsEndpoint();
    MetricsEndpoint(const MetricsEndpoint&) = delete;
    MetricsEndpoint& operator=(const MetricsEndpoint&) = delete;

    /// `metrics` is asked for each answer, for as long as somebody else keeps it.
    void serve(const std::shared_ptr<prometheus::Collectable>& metrics);

private:
    explicit MetricsEndpoint(std::unique_ptr<prometheus::Exposer> exposer);

    std::unique_ptr<prometheus::Exposer> exposer_;
};

} // namespace sluice
