// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/harvest_memory.hh"
#include "test/support/capture_value.hh"
#include "test/support/harvest_suite.hh"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds window = 1h;
const SteadyTime start{std::chrono::hours(1000)};

IpAddress address(const std::string& text) {
    return IpAddress::parse(text).value();
}

TEST_CASE("harvest: each unknown recipient counts, for its own client") {
    const auto counter = makeMemoryHarvestCounter(window);
    const auto a = address("192.0.2.1");
    for (std::uint32_t i = 1; i <= 25; ++i)
        CHECK(counter->countUnknown(a, start + i * 1s) == i);
    CHECK(counter->countUnknown(address("192.0.2.2"), start + 30s) == 1);
    CHECK(counter->countUnknown(a, start + 31s) == 26);
}

TEST_CASE("harvest: memory counts as every counter does") {
    test::StoreClock clock(start);
    test::checkHarvestCounter([](auto length) { return makeMemoryHarvestCounter(length); }, clock);
}

TEST_CASE("harvest: what is in the window counts; what is older than it by a slice does not") {
    const auto a = address("192.0.2.1");
    struct Case {
        std::chrono::nanoseconds later;
        std::uint32_t count;
    };
    const Case cases[] = {
        {0s, 21}, {59min, 21}, {1h - 1ns, 21}, {1h + window / 32 + 1ns, 1}, {2h, 1}, {10'000h, 1},
    };
    for (const auto& [later, count] : cases) {
        CAPTURE_VALUE(later.count());
        const auto counter = makeMemoryHarvestCounter(window);
        for (int i = 0; i < 20; ++i)
            counter->countUnknown(a, start);
        CHECK(counter->countUnknown(a, start + later) == count);
    }
}

TEST_CASE("harvest: never less than the truth, never more than the truth of a slice more") {
    std::mt19937 random(4711); // the same each time
    for (const auto length :
         {std::chrono::milliseconds(1), std::chrono::milliseconds(97), window}) {
        const auto counter = makeMemoryHarvestCounter(length);
        const std::chrono::nanoseconds whole = length;
        const auto slice = (whole + 31ns) / 32;
        std::uniform_int_distribution<std::int64_t> gap(0, whole.count() / 10);
        std::vector<SteadyTime> events;
        SteadyTime now = start;
        for (int i = 0; i < 2000; ++i) {
            now += std::chrono::nanoseconds(gap(random));
            events.push_back(now);
            const auto since = [&](std::chrono::nanoseconds age) {
                return std::count_if(events.begin(), events.end(),
                                     [&](SteadyTime event) { return now - event < age; });
            };
            const auto counted = counter->countUnknown(address("192.0.2.1"), now);
            REQUIRE(counted >= since(whole));
            REQUIRE(counted <= since(whole + slice));
        }
    }
}

TEST_CASE("harvest: a time before the last one is taken as the last one") {
    const auto counter = makeMemoryHarvestCounter(window);
    const auto a = address("192.0.2.1");
    CHECK(counter->countUnknown(a, start) == 1);
    CHECK(counter->countUnknown(a, start - 5h) == 2);
    CHECK(counter->countUnknown(a, start) == 3);
    CHECK(counter->countUnknown(a, SteadyTime(-1s)) == 4);
}

TEST_CASE("harvest: when there are too many clients the longest silent one is forgotten") {
    const auto counter = makeMemoryHarvestCounter(window, 3);
    const auto count = [&](const char* client, std::chrono::seconds later) {
        return counter->countUnknown(address(client), start + later);
    };
    CHECK(count("192.0.2.1", 1s) == 1);
    CHECK(count("192.0.2.2", 2s) == 1);
    CHECK(count("192.0.2.3", 3s) == 1);
    CHECK(count("192.0.2.1", 4s) == 2);
    CHECK(count("192.0.2.4", 5s) == 1); // takes the place of .2
    CHECK(count("192.0.2.1", 6s) == 3);
    CHECK(count("192.0.2.3", 7s) == 2);
    CHECK(count("192.0.2.4", 8s) == 2);
    CHECK(count("192.0.2.2", 9s) == 1);
    CHECK(count("192.0.2.1", 10s) == 1); // was the longest silent one then
}

TEST_CASE("harvest: odd settings") {
    CHECK(makeMemoryHarvestCounter(0ms)->countUnknown(address("192.0.2.1"), start) == 1);
    const auto forOne = makeMemoryHarvestCounter(window, 0);
    CHECK(forOne->countUnknown(address("192.0.2.1"), start) == 1);
    CHECK(forOne->countUnknown(address("192.0.2.1"), start) == 2);
}

TEST_CASE("harvest: many threads lose no count") {
    constexpr std::uint32_t threadCount = 8;
    constexpr std::uint32_t each = 5000;
    const auto counter = makeMemoryHarvestCounter(window, 64);
    std::vector<std::thread> threads;
    for (std::uint32_t number = 0; number < threadCount; ++number)
        threads.emplace_back([&counter, number] {
            for (std::uint32_t i = 0; i < each; ++i) {
                counter->countUnknown(IpAddress::v4(0xC0000200U + number), start + i * 1ms);
                counter->countUnknown(address("2001:db8::1"), start + i * 1ms);
            }
        });
    for (auto& thread : threads)
        thread.join();
    CHECK(counter->countUnknown(address("2001:db8::1"), start + 1min) == threadCount * each + 1);
    CHECK(counter->countUnknown(address("192.0.2.3"), start + 1min) == each + 1);
}

} // namespace
} // namespace sluice
