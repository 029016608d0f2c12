// SPDX-License-Identifier: BSD-2-Clause
#include "milter/tarpit.hh"

namespace sluice {

bool Tarpit::hold(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    std::unique_lock lock(mutex_);
    if (time.count() <= 0 || draining_ || held_ >= places_)
        return false;
    ++held_;
    {
        const BlockingScope blocking(blocked_);
        drained_.wait_until(lock, end, [this] { return draining_; });
    }
    --held_;
    return true;
}

void Tarpit::drain() {
    {
        const std::lock_guard guard(mutex_);
        draining_ = true;
    }
    drained_.notify_all();
}

std::size_t Tarpit::held() const {
    const std::lock_guard guard(mutex_);
    return held_;
}

} // namespace sluice
