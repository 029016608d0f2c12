// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/expiring_table.hh"
#include "milter/adapters/store_memory.hh"
#include "milter/policy/loop_detector.hh"
#include "test/support/store_suite.hh"

#include <doctest/doctest.h>
#include <malloc.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::keyOf;
using test::question;

const SteadyTime start{1000h};

TEST_CASE("table: keeps what it is given, for its time") {
    ExpiringTable<int> table(4);
    CHECK(table.find(keyOf(1), 100) == nullptr);
    CHECK_FALSE(table.erase(keyOf(1)));
    table.put(keyOf(1), 1, 100, 10).value = 5;
    REQUIRE(table.find(keyOf(1), 109) != nullptr);
    CHECK(table.find(keyOf(1), 109)->value == 5);
    CHECK(table.find(keyOf(1), 110) == nullptr);
    table.put(keyOf(1), 1, 109, 10);
    CHECK(table.find(keyOf(1), 118)->value == 5); // renewed
    table.put(keyOf(1), 1, 119, 10);
    CHECK(table.find(keyOf(1), 120)->value == 0); // as new
    CHECK(table.erase(keyOf(1)));
    CHECK(table.size() == 0);
    table.put(keyOf(2), 1, 120, 0xFFFFFFFF).value = 2;
    CHECK(table.find(keyOf(2), 0xFFFFFFFE)->value == 2);
}

TEST_CASE("table: who floods it forgets their own") {
    ExpiringTable<int> table(100);
    for (std::uint64_t number = 0; number < 40; ++number)
        table.put(keyOf(number), 1, 100, 1000);
    for (std::uint64_t number = 1000; number < 100'000; ++number)
        table.put(keyOf(number), 2, 101, 1000);
    CHECK(table.size() == 100);
    int left = 0;
    for (std::uint64_t number = 0; number < 40; ++number)
        left += table.find(keyOf(number), 102) == nullptr ? 0 : 1;
    CHECK(left == 40);
    CHECK(table.find(keyOf(99'999), 102) != nullptr);
    CHECK(table.find(keyOf(1000), 102) == nullptr);
}

TEST_CASE("table: what has expired makes room, and its place is used again") {
    ExpiringTable<int> table(1'000'000);
    for (std::uint32_t second = 0; second < 20'000; ++second)
        table.put(keyOf(second), second % 5, second, second % 2 == 0 ? 10 : 20);
    CHECK(table.size() < 1000);
}

TEST_CASE("memory: does what every store does") {
    const auto store = makeMemoryStore();
    test::StoreClock clock(start);
    test::checkStore(*store, clock);
}

TEST_CASE("memory: a flood of one client does not push out what others did") {
    const auto store = makeMemoryStore({.maxOctets = 4UL << 20, .maxBookEntries = 10});
    constexpr std::uint64_t others = 2000;
    for (std::uint64_t number = 0; number < others; ++number)
        store->endOfMessage(question(number, number % 20), start);
    for (std::uint64_t number = 0; number < 100'000; ++number)
        store->endOfMessage(question(1'000'000 + number, 77), start + 1s);
    std::uint64_t left = 0;
    for (std::uint64_t number = 0; number < others; ++number)
        left += store->findMessages({keyOf(number)}, start + 2s).value()[0] ? 1U : 0U;
    CHECK(left == others);
}

TEST_CASE("memory: what a message takes") {
    constexpr std::uint64_t messages = 75'000; // 6 h of 300,000 a day
    constexpr std::size_t mostOctets = 100UL * 1000 * 1000;
    const auto inUse = [] {
        const auto info = ::mallinfo2();
        return info.uordblks + info.hblkhd;
    };
    const std::size_t before = inUse();
    const auto store = makeMemoryStore();
    for (std::uint64_t number = 0; number < 4 * messages; ++number)
        store->endOfMessage(question(number, number % 500),
                            start + std::chrono::milliseconds(288 * number));
    const std::size_t after = inUse();
    MESSAGE("a day of 300,000 messages: ", (after - before) / 1000, " kB, ",
            (after - before) / messages, " octets a remembered message");
    CHECK(after - before < mostOctets);

    const auto full = makeMemoryStore();
    const std::size_t beforeFull = inUse();
    for (std::uint64_t number = 0; number < 5 * messages; ++number)
        full->endOfMessage(question(number, number % 500), start);
    const std::size_t octets = inUse() - beforeFull;
    MESSAGE("full: ", octets / 1000, " kB");
    CHECK(octets < mostOctets);
}

TEST_CASE("memory: books are bounded, their labels too") {
    const auto store = makeMemoryStore({.maxOctets = 1UL << 20, .maxBookEntries = 100});
    for (std::uint64_t member = 0; member < 1000; ++member)
        CHECK(store->countBounce(keyOf(member), std::string(10'000, 'x'),
                                 start + std::chrono::seconds(member)));
    const auto listed = store->list(Store::Book::bounces, start + 1h).value();
    REQUIRE(listed.size() == 100);
    CHECK(listed[0].key == keyOf(999));
    CHECK(listed[0].label.size() == Store::maxLabelOctets);
    CHECK(listed[99].key == keyOf(900));
    CHECK(store->list(Store::Book::bounces, start + 31 * 24h).value().empty());
    store->countBounce(keyOf(1), std::string(255, 'x') + "\xC3\xBC", start);
    CHECK(store->list(Store::Book::bounces, start).value()[0].label == std::string(255, 'x'));
}

TEST_CASE("memory: many threads lose no count") {
    const auto store = makeMemoryStore();
    constexpr std::uint32_t threadCount = 8;
    constexpr std::uint32_t each = 2000;
    std::vector<std::thread> threads;
    std::atomic<std::uint32_t> firsts{0};
    for (std::uint32_t thread = 0; thread < threadCount; ++thread)
        threads.emplace_back([&store, &firsts, thread] {
            for (std::uint32_t number = 0; number < each; ++number) {
                auto asked = question(number, thread);
                asked.copy = {keyOf(5), 6h};
                const SteadyTime now = start + number * 1ms;
                const auto answer = store->endOfMessage(asked, now);
                firsts += answer && !answer->known ? 1U : 0U;
                static_cast<void>(store->findMessages({keyOf(number / 2)}, now));
                store->noteLostAcknowledgement(keyOf(5), now);
                static_cast<void>(store->countCut({keyOf(1), keyOf(2), "label"}, now));
                static_cast<void>(store->claimNotice(keyOf(1), now));
                if (number % 100 == 0)
                    static_cast<void>(store->list(Store::Book::loops, now));
            }
        });
    for (auto& thread : threads)
        thread.join();
    CHECK(firsts == each);
    EndOfMessageQuestion last;
    last.copy = {keyOf(5), 6h};
    const auto answer = store->endOfMessage(last, start + 1min).value();
    CHECK(answer.copy.before == threadCount * each);
    CHECK(answer.copy.lost == threadCount * each);
    CHECK(store->list(Store::Book::loops, start).value()[0].count == threadCount * each);
}

} // namespace
} // namespace sluice
