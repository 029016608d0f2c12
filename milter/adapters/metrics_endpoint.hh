// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

struct mg_connection;
struct mg_context;

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

    /// From now on `read` gives the text of each answer. It may throw: then the answer is 503.
    void serve(std::function<std::string()> read);

private:
    explicit MetricsEndpoint(mg_context* server) : server_(server) {}

    static int answer(mg_connection* connection, void* endpoint) noexcept;

    mg_context* const server_;
    std::function<std::string()> read_;
};

} // namespace sluice
