// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/redis_settings.hh"
#include "milter/policy/time_point.hh"
#include "test/support/scratch_directory.hh"
#include "test/support/server_process.hh"

#include <memory>
#include <string>
#include <vector>

/// Redis servers whose wall clock stands still until it is set (fixed_clock.cc). They fail the test
/// when they do not come up.
namespace sluice::test {

/// What such servers take for the time.
class RedisClock {
public:
    explicit RedisClock(std::string path);
    /// From the next command on. Whole seconds count, from any beginning.
    void set(SteadyTime time) const;
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    const std::string path_;
};

/// One server, on a socket of its own.
class RedisServer {
public:
    RedisServer();

    [[nodiscard]] RedisSettings settings() const;
    void setTime(SteadyTime time) const { clock_.set(time); }
    [[nodiscard]] ServerProcess& process() { return *process_; }

private:
    ScratchDirectory directory_;
    RedisClock clock_;
    std::unique_ptr<ServerProcess> process_;
};

/// A server that a sentinel tells of. The clock of the sentinel goes on.
class RedisBehindSentinel {
public:
    RedisBehindSentinel();

    [[nodiscard]] RedisSettings settings() const;
    void setTime(SteadyTime time) const { clock_.set(time); }

private:
    ScratchDirectory directory_;
    RedisClock clock_;
    std::uint16_t port_;
    std::unique_ptr<ServerProcess> server_;
    std::unique_ptr<ServerProcess> sentinel_;
};

/// Three masters, each with a third of the slots.
class RedisCluster {
public:
    RedisCluster();

    [[nodiscard]] RedisSettings settings() const;
    void setTime(SteadyTime time) const { clock_.set(time); }

private:
    struct Node {
        std::uint16_t port;
        std::uint16_t busPort;
        std::unique_ptr<ServerProcess> process;
    };

    void join();
    [[nodiscard]] bool isComplete() const;

    ScratchDirectory directory_;
    RedisClock clock_;
    std::vector<Node> nodes_;
};

} // namespace sluice::test
