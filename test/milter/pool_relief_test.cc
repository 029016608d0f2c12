// SPDX-License-Identifier: BSD-2-Clause
#include "milter/pool_relief.hh"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

using sluice::PoolRelief;

namespace {

/// Counts touches, and lets a test wait for them.
class Touches {
public:
    void add() {
        const std::lock_guard guard(mutex_);
        ++count_;
        changed_.notify_all();
    }
    bool waitFor(int count) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return count_ >= count; });
    }
    int count() {
        const std::lock_guard guard(mutex_);
        return count_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int count_ = 0;
};

} // namespace

TEST_CASE("the socket is touched again and again while a callback waits, and not after") {
    Touches touches;
    PoolRelief relief([&] { touches.add(); });
    relief.enter();
    relief.enter();
    CHECK(touches.waitFor(5));
    relief.leave();
    const int one = touches.count();
    CHECK(touches.waitFor(one + 3));
    relief.leave();
    const int after = touches.count();
    std::this_thread::sleep_for(std::chrono::milliseconds(50)); // time in which nothing may happen
    CHECK(touches.count() <= after + 1);
}

TEST_CASE("without a wait nothing is touched") {
    // Between the two calls the machine may hold a thread up for longer than the interval, but
    // hardly each time.
    int least = 1000;
    for (int attempt = 0; attempt < 10 && least > 0; ++attempt) {
        Touches touches;
        {
            PoolRelief relief([&] { touches.add(); });
            for (int i = 0; i < 1000; ++i) {
                relief.enter();
                relief.leave();
            }
        }
        least = std::min(least, touches.count());
    }
    CHECK(least == 0);
}

TEST_CASE("many threads may enter and leave") {
    Touches touches;
    PoolRelief relief([&] { touches.add(); });
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int round = 0; round < 1000; ++round) {
                relief.enter();
                relief.leave();
            }
        });
    for (auto& thread : threads)
        thread.join();
    const int before = touches.count();
    relief.enter();
    CHECK(touches.waitFor(before + 1));
    relief.leave();
}
