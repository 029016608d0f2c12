// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/known_recipients.hh"
#include "milter/adapters/redis_client.hh"
#include "milter/policy/ports.hh"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace sluice {

/// Recipients in a Redis set, each as MailAddress::key(): somebody else keeps it up to date. Every
/// look-up asks the server, so that a change counts at once; who was known lately is known while
/// the server is unavailable or the set is not there: an empty server knows nobody.
class RedisDirectory : public Directory {
public:
    RedisDirectory(std::shared_ptr<RedisClient> client, std::string key);

    [[nodiscard]] const std::string& key() const { return key_; }
    /// Waits for redis-timeout at most.
    Answer find(const MailAddress& address) noexcept override;
    /// How long it remembers whom it knew.
    void setMemory(std::chrono::milliseconds time) { known_.setTime(time); }

private:
    Answer ask(const std::string& address);
    /// Once a minute at most.
    void complain(const std::string& why);

    std::shared_ptr<RedisClient> client_;
    std::string key_;
    std::atomic<std::int64_t> complained_{-1}; ///< minute of the last line
    KnownRecipients known_;
};

} // namespace sluice
