// SPDX-License-Identifier: BSD-2-Clause
#include "milter/tarpit.hh"
#include "test/support/capture_value.hh"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using sluice::Tarpit;

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto forEver = std::chrono::milliseconds(1h);
constexpr auto longEnough = 20s; ///< for a busy machine

/// Sums up what an observer is told.
class Observer : public sluice::BlockedCallbacks {
public:
    void enter() noexcept override {
        ++inside;
        ++entered;
    }
    void leave() noexcept override { --inside; }

    std::atomic<int> inside{0};
    std::atomic<int> entered{0};
};

/// Threads that are held in a tarpit, as long as it likes.
class Captives {
public:
    Captives(Tarpit& tarpit, int count) {
        for (int i = 0; i < count; ++i)
            threads_.emplace_back([&] { held_ += tarpit.hold(forEver) ? 1 : 0; });
    }
    ~Captives() {
        for (auto& thread : threads_)
            if (thread.joinable())
                thread.join();
    }
    Captives(const Captives&) = delete;
    Captives& operator=(const Captives&) = delete;

    /// How many were held, once all are free.
    int wait() {
        for (auto& thread : threads_)
            thread.join();
        return held_;
    }

private:
    std::atomic<int> held_{0};
    std::vector<std::thread> threads_;
};

bool waitUntilHeld(const Tarpit& tarpit, std::size_t count) {
    const auto deadline = Clock::now() + longEnough;
    while (tarpit.held() != count && Clock::now() < deadline)
        std::this_thread::sleep_for(1ms);
    return tarpit.held() == count;
}

} // namespace

TEST_CASE("tarpit: holds for the time that it is told, and no less") {
    Observer observer;
    Tarpit tarpit(1, &observer);
    struct Case {
        std::chrono::milliseconds time;
        bool held;
    };
    const Case cases[] = {{-1ms, false}, {0ms, false}, {1ms, true}, {30ms, true}};
    for (const auto& [time, held] : cases) {
        CAPTURE_VALUE(time.count());
        const auto began = Clock::now();
        CHECK(tarpit.hold(time) == held);
        CHECK(Clock::now() - began >= time);
        CHECK(Clock::now() - began < longEnough);
    }
    CHECK(tarpit.held() == 0);
    CHECK(observer.entered == 2);
    CHECK(observer.inside == 0);
}

TEST_CASE("tarpit: who finds no place does not wait") {
    Observer observer;
    Tarpit tarpit(2, &observer);
    Captives captives(tarpit, 2);
    REQUIRE(waitUntilHeld(tarpit, 2));
    CHECK(observer.inside == 2);
    const auto began = Clock::now();
    CHECK_FALSE(tarpit.hold(forEver));
    CHECK(Clock::now() - began < longEnough);
    tarpit.drain();
    CHECK(captives.wait() == 2);
}

TEST_CASE("tarpit: a place is free again") {
    Tarpit tarpit(1);
    for (int i = 0; i < 5; ++i)
        CHECK(tarpit.hold(1ms));
    CHECK_FALSE(Tarpit(0).hold(forEver));
}

TEST_CASE("tarpit: drained it lets everybody go at once, and holds nobody any more") {
    Observer observer;
    Tarpit tarpit(8, &observer);
    Captives captives(tarpit, 8);
    REQUIRE(waitUntilHeld(tarpit, 8));
    const auto began = Clock::now();
    tarpit.drain();
    CHECK(captives.wait() == 8);
    CHECK_FALSE(tarpit.hold(forEver));
    CHECK(Clock::now() - began < longEnough);
    CHECK(tarpit.held() == 0);
    CHECK(observer.inside == 0);
}

TEST_CASE("tarpit: many threads come and go, and never more than there are places") {
    constexpr std::size_t places = 4;
    Tarpit tarpit(places);
    std::atomic<bool> tooMany{false};
    std::atomic<int> held{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 8; ++thread)
        threads.emplace_back([&] {
            for (int round = 0; round < 50; ++round) {
                held += tarpit.hold(1ms) ? 1 : 0;
                if (tarpit.held() > places)
                    tooMany = true;
            }
        });
    for (auto& thread : threads)
        thread.join();
    CHECK_FALSE(tooMany);
    CHECK(held > 0);
    CHECK(tarpit.held() == 0);
}
