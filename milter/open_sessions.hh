// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <atomic>
#include <cstddef>

namespace sluice {

/// How many connections of the MTA are open, and whether one more is welcome. Each takes a
/// descriptor, and libmilter spins when there are none left; so new work is put off before that.
/// Threads: any.
class OpenSessions {
public:
    /// `limit`: from that many on, new connections are put off; 0: never.
    void setLimit(std::size_t limit) { limit_.store(limit, std::memory_order_relaxed); }
    void opened() { count_.fetch_add(1, std::memory_order_relaxed); }
    /// Returns how many are left.
    std::size_t closed() { return count_.fetch_sub(1, std::memory_order_relaxed) - 1; }
    [[nodiscard]] std::size_t count() const { return count_.load(std::memory_order_relaxed); }
    [[nodiscard]] bool overloaded() const {
        const std::size_t limit = limit_.load(std::memory_order_relaxed);
        return limit != 0 && count() > limit;
    }

private:
    std::atomic<std::size_t> count_{0};
    std::atomic<std::size_t> limit_{0};
};

} // namespace sluice
