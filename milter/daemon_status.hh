// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/store_redis.hh"
#include "milter/config.hh"
#include "milter/session.hh"

#include <nlohmann/json.hpp>

#include <chrono>
#include <string>

namespace sluice {

/// What the command `status` of the control socket tells. Threads: any.
class DaemonStatus {
public:
    /// What it refers to outlives it. `redis`: null when the store is in memory.
    DaemonStatus(const DaemonSettings& settings, std::string configFile, SessionServices& services,
                 const RedisStore* redis)
        : settings_(settings),
          configFile_(std::move(configFile)),
          services_(services),
          redis_(redis) {}

    [[nodiscard]] nlohmann::json read() const;

private:
    [[nodiscard]] nlohmann::json store() const;
    [[nodiscard]] nlohmann::json rates() const;
    [[nodiscard]] nlohmann::json zones() const;

    const DaemonSettings& settings_;
    const std::string configFile_;
    SessionServices& services_;
    const RedisStore* const redis_;
    const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

} // namespace sluice
