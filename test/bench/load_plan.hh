// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace sluice::bench {

/// What load to put on a filter.
struct LoadPlan {
    std::string run; ///< in every Message-ID, so that none is repeated by the next run
    std::string socket;
    unsigned connections = 1; ///< at the same time, each in a thread
    std::uint64_t messagesAConnection = 100;
    std::uint64_t messages = 0;           ///< in all; 0: as many as `duration` allows
    std::chrono::milliseconds duration{}; ///< of a turn: no message starts later than this
    std::chrono::milliseconds answerLimit{};
    std::size_t bodySize = 0;
    unsigned recipientsAMessage = 1;
    std::uint64_t clients = 1; ///< how many different ones there are, here and below
    std::uint64_t senders = 1;
    std::uint64_t recipients = 1;
    std::string senderDomain;
    std::string recipientDomain;
};

/// Numbers the messages and the connections, and ends the turns. Shared by all threads.
class LoadBudget {
public:
    explicit LoadBudget(const LoadPlan& plan) : most_(plan.messages), duration_(plan.duration) {}

    /// From now on there is time for messages. Not while workers are at work.
    void beginTurn() { end_ = std::chrono::steady_clock::now() + duration_; }
    /// nullopt when the turn is over.
    std::optional<std::uint64_t> nextMessage() {
        if (isOver())
            return std::nullopt;
        const auto number = message_.fetch_add(1, std::memory_order_relaxed);
        return most_ == 0 || number < most_ ? std::optional(number) : std::nullopt;
    }
    std::uint64_t nextConnection() { return connection_.fetch_add(1, std::memory_order_relaxed); }
    void stop() { stopped_.store(true, std::memory_order_relaxed); }

private:
    [[nodiscard]] bool isOver() const {
        return stopped_.load(std::memory_order_relaxed) || std::chrono::steady_clock::now() >= end_;
    }

    const std::uint64_t most_;
    const std::chrono::milliseconds duration_;
    std::chrono::steady_clock::time_point end_;
    std::atomic<std::uint64_t> message_{0};
    std::atomic<std::uint64_t> connection_{0};
    std::atomic<bool> stopped_{false};
};

} // namespace sluice::bench
