// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/host_port.hh"
#include "common/result.hh"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Who we are to a Redis server (AUTH). An empty password: nobody in particular.
struct RedisLogin {
    std::string user; ///< of an ACL; empty: the default user
    std::string password;

    friend bool operator==(const RedisLogin&, const RedisLogin&) = default;
};

/// Which Redis, and how it is used.
struct RedisSettings {
    enum class Topology : std::uint8_t { standalone, sentinel, cluster };

    Topology topology = Topology::standalone;
    std::string path;              ///< of a unix socket, in place of `servers`
    std::vector<HostPort> servers; ///< one; or the sentinels, or some nodes of the cluster
    std::string masterName;        ///< as the sentinels know it
    unsigned database = 0;
    bool tls = false;
    RedisLogin login;
    RedisLogin sentinelLogin;
    std::string prefix = "sluice:"; ///< of all keys
    /// Of one operation, with the connection it may need.
    std::chrono::milliseconds timeout{20};

    /// `redis://HOST:PORT/DB`, `rediss://…`, `redis+unix:///PATH`, `redis-sentinel://H:P,H:P/NAME`,
    /// `redis-cluster://H:P,H:P`. Error: anything else, or TLS that this build does not have.
    static Result<RedisSettings> parse(std::string_view url);
    /// As parse() reads it: no secret.
    [[nodiscard]] std::string url() const;

    /// Lines `PASSWORD` or `USER PASSWORD` of a secret file: the first for the servers, a second
    /// for the sentinels. Error: another form.
    Result<void> readLogins(const std::string& text);

    friend bool operator==(const RedisSettings&, const RedisSettings&) = default;
};

/// A Redis server that can be connected to without a name look-up.
struct RedisEndpoint {
    std::string path; ///< of a unix socket, or
    std::string address;
    std::uint16_t port = 0;
    std::string host = {}; ///< what the address is of, for a certificate; may be empty

    [[nodiscard]] std::string text() const;
    /// Under whatever name.
    friend bool operator==(const RedisEndpoint& a, const RedisEndpoint& b) {
        return a.path == b.path && a.address == b.address && a.port == b.port;
    }
};

} // namespace sluice
