// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/locked.hh"
#include "milter/policy/time_point.hh"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <unordered_map>

namespace sluice {

/// Who a directory knew lately, for the time in which it cannot be asked. Each as
/// MailAddress::key(). Any thread.
class KnownRecipients {
public:
    static constexpr std::size_t most = 100'000;
    static constexpr std::chrono::hours usualTime{1};

    /// How long each is remembered from now on; 0: not at all.
    void setTime(std::chrono::milliseconds time) { time_ = time; }

    /// Throws only std::bad_alloc, and then remembers nothing of it.
    void remember(const std::string& address, SteadyTime now);
    void forget(const std::string& address);
    [[nodiscard]] bool holds(const std::string& address, SteadyTime now);

private:
    std::atomic<std::chrono::milliseconds> time_{usualTime};
    Locked<std::unordered_map<std::string, SteadyTime>> known_; ///< and when they were known
};

} // namespace sluice
