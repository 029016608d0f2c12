// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/time_point.hh"

#include <chrono>
#include <cstdint>

namespace sluice {

/// How many notices the operator gets. Each loop has one in an hour, but whoever makes up addresses
/// makes up loops, and the notices would become the flood. One thread at a time.
class NoticeBudget {
public:
    static constexpr std::uint32_t mostInWindow = 20;
    static constexpr std::chrono::hours window{1};

    enum class Answer : std::uint8_t {
        send,
        sendAsLast, ///< and say so: further loops of this hour stand in the log alone
        none,
    };

    /// For one more notice. An hour begins with its first notice.
    Answer take(SteadyTime now) {
        if (sent_ == 0 || now - begin_ >= window) {
            begin_ = now;
            sent_ = 0;
        }
        if (sent_ == mostInWindow)
            return Answer::none;
        return ++sent_ == mostInWindow ? Answer::sendAsLast : Answer::send;
    }

private:
    SteadyTime begin_{};
    std::uint32_t sent_ = 0;
};

} // namespace sluice
