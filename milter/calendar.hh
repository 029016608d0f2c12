// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/time_point.hh"

#include <atomic>
#include <cstdint>

namespace sluice {

/// Tells the time to those who make decisions. The date is asked of the time zone data once a
/// second at most. Threads: any.
class Calendar {
public:
    [[nodiscard]] Now now() {
        const auto wall = std::chrono::system_clock::now();
        const auto second = std::chrono::time_point_cast<std::chrono::seconds>(wall);
        const auto count = static_cast<std::int64_t>(second.time_since_epoch().count());
        if (second_.load(std::memory_order_acquire) != count) {
            day_.store(localDay(wall), std::memory_order_relaxed);
            second_.store(count, std::memory_order_release);
        }
        return {std::chrono::steady_clock::now(), day_.load(std::memory_order_relaxed)};
    }

private:
    std::atomic<std::int64_t> second_{-1};
    std::atomic<CivilDay> day_{};
};

} // namespace sluice
