// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <chrono>
#include <functional>

namespace sluice {

/// Tells the service manager that the filter is alive, twice in the time that it grants, and only
/// while the filter serves: a manager that hears nothing ends the process and starts another.
/// Threads: one.
class Watchdog {
public:
    using Clock = std::chrono::steady_clock;

    /// `granted`: in which the service manager wants to hear something; 0: it does not ask.
    /// `serves`: whether a mail server would be served now. `alive` tells the manager.
    Watchdog(std::chrono::microseconds granted, std::function<bool()> serves,
             std::function<void()> alive);

    /// To be called about every second. Once half of the time is over, asks `serves` at each call
    /// until it says yes: a filter that is busy for a moment is not ended.
    void look(Clock::time_point now);

private:
    std::chrono::microseconds half_;
    std::function<bool()> serves_;
    std::function<void()> alive_;
    Clock::time_point last_; ///< when the manager was told; at first the epoch, long ago
    bool warned_ = false;
};

/// Whether the filter behind a non-blocking connection answers what a mail server says first,
/// within `patience`: so its listener and a worker of libmilter's pool are alive.
bool answersMailServer(int connection, std::chrono::milliseconds patience);

} // namespace sluice
