// SPDX-License-Identifier: BSD-2-Clause
#include "milter/pool_relief.hh"

#include <chrono>
#include <utility>

namespace sluice {
namespace {

constexpr std::chrono::milliseconds interval{5};

} // namespace

PoolRelief::PoolRelief(std::function<void()> touch)
    : touch_(std::move(touch)), thread_([this] { run(); }) {}

PoolRelief::~PoolRelief() {
    {
        const std::lock_guard guard(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void PoolRelief::enter() noexcept {
    const std::lock_guard guard(mutex_);
    if (++blocked_ == 1)
        changed_.notify_all();
}

void PoolRelief::leave() noexcept {
    const std::lock_guard guard(mutex_);
    --blocked_;
}

void PoolRelief::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        changed_.wait(lock, [this] { return stopping_ || blocked_ != 0; });
        changed_.wait_for(lock, interval, [this] { return stopping_; });
        if (stopping_ || blocked_ == 0)
            continue;
        lock.unlock();
        touch_();
        lock.lock();
    }
}

} // namespace sluice
