// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/locked.hh"
#include "milter/adapters/redis_client.hh"
#include "milter/policy/ports.hh"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

namespace sluice {

/// Recipients in a Redis set, each as MailAddress::key(): somebody else keeps it up to date. Every
/// look-up asks the server, so that a change counts at once; who was known within the last hour is
/// known while the server is unavailable or the set is not there: an empty server knows nobody.
class RedisDirectory : public Directory {
public:
    static constexpr std::chrono::hours memory{1};
    static constexpr std::size_t maxRemembered = 100'000;

    RedisDirectory(std::shared_ptr<RedisClient> client, std::string key);

    [[nodiscard]] const std::string& key() const { return key_; }
    /// Waits for redis-timeout at most.
    Answer find(const MailAddress& address) noexcept override;

private:
    Answer ask(const std::string& address);
    /// Once a minute at most.
    void complain(const std::string& why);
    void remember(const std::string& address, SteadyTime now);

    std::shared_ptr<RedisClient> client_;
    std::string key_;
    std::atomic<std::int64_t> complained_{-1};                  ///< minute of the last line
    Locked<std::unordered_map<std::string, SteadyTime>> known_; ///< and when they were known
};

} // namespace sluice
