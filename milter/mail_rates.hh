// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sluice {

/// How many messages and refusals the last hour had, for who asks how things go now. A second is
/// counted in a place of its own, which another takes over an hour later. Threads: any; no locks.
class MailRates {
public:
    using Time = std::chrono::steady_clock::time_point;

    struct Counts {
        std::uint64_t messages = 0; ///< taken, whatever became of them
        std::uint64_t refusals = 0; ///< of connections, commands and messages, for good or for now
        friend bool operator==(const Counts&, const Counts&) = default;
    };

    void message(Time now) { messages_.add(now); }
    void refusal(Time now) { refusals_.add(now); }
    /// Those of `time` before `now`, an hour at most, to the second.
    [[nodiscard]] Counts within(std::chrono::seconds time, Time now) const {
        return {messages_.within(time, now), refusals_.within(time, now)};
    }

private:
    class Seconds {
    public:
        void add(Time now);
        [[nodiscard]] std::uint64_t within(std::chrono::seconds time, Time now) const;

    private:
        static constexpr std::size_t kept = 3600;
        /// The second in the upper half, how often in the lower.
        std::array<std::atomic<std::uint64_t>, kept> counts_{};
    };

    Seconds messages_;
    Seconds refusals_;
};

} // namespace sluice
