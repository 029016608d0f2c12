// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/blocked_callbacks.hh"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace sluice {

/// Where callbacks wait on purpose. Each of them takes a thread of libmilter's worker pool, so only
/// so many wait at once; who finds no place does not wait. Any thread.
class Tarpit {
public:
    /// `blocked` hears of each wait; it may be null, and lives as long as the tarpit.
    explicit Tarpit(std::size_t places, BlockedCallbacks* blocked = nullptr)
        : places_(places), blocked_(blocked) {}

    /// Waits for this time, or until drain(). False: there was nothing to wait for, or no place.
    bool hold(std::chrono::milliseconds time);
    /// Lets everybody go at once; from now on nobody waits.
    void drain();

    [[nodiscard]] std::size_t held() const;

private:
    const std::size_t places_;
    BlockedCallbacks* const blocked_;
    mutable std::mutex mutex_;
    std::condition_variable drained_;
    std::size_t held_ = 0;
    bool draining_ = false;
};

} // namespace sluice
