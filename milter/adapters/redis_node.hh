// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/locked.hh"
#include "milter/adapters/circuit_breaker.hh"
#include "milter/adapters/redis_connection.hh"
#include "milter/adapters/redis_settings.hh"

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// One server: its connections, and whether it is worth asking. Any thread.
class RedisNode {
public:
    /// Connections that are open at once.
    static constexpr std::size_t maxConnections = 64;
    /// That are being opened at once: all at once would be a storm on a server that comes back.
    static constexpr std::size_t maxOpening = 4;

    RedisNode(RedisEndpoint endpoint, const RedisSettings& settings);

    /// A connection for one user at a time, which goes back when it is let go, unless it is broken.
    class Lease {
    public:
        Lease(RedisNode& node, std::unique_ptr<RedisConnection> connection)
            : node_(&node), connection_(std::move(connection)) {}
        ~Lease() {
            if (node_ != nullptr)
                node_->takeBack(std::move(connection_));
        }
        Lease(Lease&& other) noexcept
            : node_(std::exchange(other.node_, nullptr)),
              connection_(std::move(other.connection_)) {}
        Lease& operator=(Lease&&) = delete;
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        RedisConnection* operator->() { return connection_.get(); }
        RedisConnection& operator*() { return *connection_; }

    private:
        RedisNode* node_;
        std::unique_ptr<RedisConnection> connection_;
    };

    enum class Asking : std::uint8_t {
        work,
        hurry, ///< work that has less than its full time: when it fails, nothing is learnt from it
        probe, ///< a try, in spite of the breaker
    };
    /// Error: the breaker is open, the server cannot be reached, or all connections are in use for
    /// all of the time.
    Result<Lease> connect(SteadyTime deadline, Asking asking = Asking::work);

    [[nodiscard]] const RedisEndpoint& endpoint() const { return endpoint_; }
    [[nodiscard]] bool available() const { return available_; }
    /// Why it is not available, since when, and when it is tried again; nothing while it is.
    struct Trouble {
        std::string why;
        SteadyTime since;
        SteadyTime nextTry;
    };
    [[nodiscard]] std::optional<Trouble> trouble();
    /// When the server wants to be tried again; the far future while it is available.
    [[nodiscard]] SteadyTime nextTry();

    /// A try has succeeded: it is available again.
    void succeeded();
    /// Work has failed. Nothing more is learnt from it while the server is unavailable.
    void failed(const std::string& why);
    /// A try of an unavailable server has failed.
    void probeFailed(const std::string& why);
    /// Logs what has changed since the last line, if that is long enough ago.
    void report();

private:
    struct Pool {
        std::vector<std::unique_ptr<RedisConnection>> idle;
        std::size_t open = 0; ///< idle, in use and being opened
        std::size_t opening = 0;
    };
    struct Health {
        CircuitBreaker breaker;
        std::string why;
        bool toldAvailable = true;          ///< by the last line
        std::array<SteadyTime, 2> logged{}; ///< a line that it is not, and one that it is
        std::uint64_t changes = 0;          ///< since the last line
    };
    std::unique_ptr<RedisConnection> takeIdle();
    void takeBack(std::unique_ptr<RedisConnection> connection);
    void dropIdle();
    void noteFailure(const std::string& why, bool ofTry);
    Result<std::unique_ptr<RedisConnection>> openAnother(SteadyTime deadline);
    static void log(Health& health, const std::string& name, SteadyTime now);

    const RedisEndpoint endpoint_;
    const RedisSettings& settings_;
    std::mutex poolMutex_;
    std::condition_variable poolChanged_;
    Pool pool_;
    Locked<Health> health_;
    std::atomic<bool> available_{true};
};

} // namespace sluice
