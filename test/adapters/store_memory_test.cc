// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/expiring_table.hh"
#include "milter/adapters/store_memory.hh"
#include "milter/policy/loop_detector.hh"
#include "test/support/map_store.hh"

#include <doctest/doctest.h>
#include <malloc.h>

#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;

const SteadyTime start{1000h};

/// Spreads numbers over all bits, as a hash does.
std::uint64_t spread(std::uint64_t number) {
    number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9;
    number = (number ^ (number >> 27)) * 0x94D049BB133111EB;
    return number ^ (number >> 31);
}

StoreKey keyOf(std::uint64_t number) {
    return {spread(2 * number + 1), spread(2 * number + 2)};
}

EndOfMessageQuestion question(std::uint64_t number, std::uint64_t client = 1) {
    EndOfMessageQuestion asked;
    asked.client = client;
    asked.message = {keyOf(number), {.author = 7, .templates = {number + 1}}, 6h};
    Turn turn;
    turn.author = 7;
    turn.message = static_cast<std::uint32_t>(number + 1);
    turn.templates = {number + 1};
    asked.row = {keyOf(number ^ (1ULL << 40)), turn, 1h};
    asked.copy = {keyOf(number ^ (1ULL << 41)), 6h};
    return asked;
}

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

TEST_CASE("memory: does what the simplest store does") {
    std::mt19937 random(1); // NOLINT(cert-msc51-cpp): the same messages each time
    const auto below = [&](unsigned end) { return static_cast<std::uint32_t>(random()) % end; };
    test::MapStore expected;
    const auto store = makeMemoryStore();
    SteadyTime now = start;
    for (int round = 0; round < 20'000; ++round) {
        EndOfMessageQuestion asked;
        asked.client = below(3);
        const bool hours = below(2) == 0;
        if (below(8) != 0)
            asked.message = {keyOf(below(50)),
                             {.author = below(3) + 1,
                              .templates = {below(3) + 1},
                              .depth = static_cast<std::uint16_t>(below(4) + 1)},
                             hours ? 6h : 48h};
        Turn turn;
        turn.author = below(2) + 1;
        turn.message = below(1000) + 1;
        turn.templates = {below(3) + 1};
        turn.referring = below(2) == 0;
        turn.automatic = below(2) == 0;
        if (below(4) != 0)
            asked.row = {keyOf(100 + below(20)), turn, 1h};
        if (below(4) != 0)
            asked.copy = {keyOf(200 + below(20)), 6h};
        if (asked.message && below(4) == 0)
            asked.posts = {{keyOf(300 + below(3)), {below(3), below(2)}}};
        const auto want = expected.endOfMessage(asked, now).value();
        const auto got = store->endOfMessage(asked, now).value();
        REQUIRE(got.known.has_value() == want.known.has_value());
        if (want.known) {
            REQUIRE(got.known->link == want.known->link);
            REQUIRE(got.known->age == want.known->age);
        }
        REQUIRE(got.row == want.row);
        REQUIRE(got.copy.before == want.copy.before);
        REQUIRE(got.copy.lost == want.copy.lost);
        REQUIRE(got.copy.constantIntervals == want.copy.constantIntervals);
        REQUIRE(got.posts == want.posts);
        const StoreKey copy = keyOf(200 + below(20));
        if (below(10) == 0) {
            expected.noteLostAcknowledgement(copy, now);
            store->noteLostAcknowledgement(copy, now);
        }
        if (asked.copy && below(5) == 0) {
            expected.withdrawCopy(asked.copy->key, now);
            store->withdrawCopy(asked.copy->key, now);
        }
        now += std::chrono::seconds(below(10) == 0 ? below(30'000) : below(60));
    }
}

TEST_CASE("memory: finds messages in the order of the question") {
    const auto store = makeMemoryStore();
    store->endOfMessage(question(1), start);
    const auto found = store->findMessages({keyOf(2), keyOf(1)}, start + 5s).value();
    REQUIRE(found.size() == 2);
    CHECK_FALSE(found[0]);
    REQUIRE(found[1]);
    CHECK(found[1]->age == 5s);
    CHECK(store->findMessages({}, start).value().empty());
    CHECK_FALSE(store->findMessages({keyOf(1)}, start + 6h).value()[0]);
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

TEST_CASE("memory: notices, one a loop and hour") {
    const auto store = makeMemoryStore();
    CHECK(store->claimNotice(keyOf(1), start) == true);
    CHECK(store->claimNotice(keyOf(1), start + 59min) == false);
    CHECK(store->claimNotice(keyOf(2), start + 59min) == true);
    CHECK(store->claimNotice(keyOf(1), start + 60min) == true);
}

TEST_CASE("memory: cuts are counted for the loop and its client") {
    const auto store = makeMemoryStore();
    const auto count = [&](std::uint64_t loop, std::chrono::minutes later) {
        return store->countCut({keyOf(loop), keyOf(100), "a to b"}, start + later).value();
    };
    for (std::uint32_t cut = 1; cut <= 50; ++cut)
        CHECK(count(1, 1min).ofLoop == cut);
    CHECK(count(2, 2min).loopsOfClient == 2);
    CHECK(count(3, 3min).loopsOfClient == 3);
    CHECK(count(1, 59min).ofLoop == 51);
    CHECK(count(1, 67min).ofLoop == 2); // the fifty are over
    CHECK(count(1, 67min).loopsOfClient == 1);
    const auto listed = store->list(Store::Book::loops, start + 68min).value();
    REQUIRE(listed.size() == 3);
    CHECK(listed[0].count == 53);
    CHECK(listed[0].label == "a to b");
    CHECK(listed[0].firstAge == 67min);
    CHECK(listed[0].lastAge == 1min);
    CHECK(store->claimNotice(keyOf(1), start) == true);
    CHECK(store->clear(Store::Book::loops, keyOf(1), start) == 1U);
    CHECK(store->claimNotice(keyOf(1), start) == true);
    CHECK(count(1, 68min).ofLoop == 1);
    CHECK(store->clear(Store::Book::loops, std::nullopt, start) == 3U);
    CHECK(store->list(Store::Book::loops, start).value().empty());
}

TEST_CASE("memory: blocks double while it goes on") {
    const auto store = makeMemoryStore();
    SteadyTime now = start;
    const std::chrono::minutes lengths[] = {10min,  20min,  40min,   80min, 160min,
                                            320min, 640min, 1280min, 24h,   24h};
    for (const auto length : lengths) {
        const auto block = store->block(keyOf(1), "a to b", now).value();
        CHECK(block.length == length);
        CHECK(block.remaining == length);
        const auto again = store->block(keyOf(1), "a to b", now + 1min).value();
        CHECK(again.length == length);
        CHECK(again.remaining == length - 1min);
        CHECK(store->blocks(now + length - 1s).value().size() == 1);
        CHECK(store->blocks(now + length).value().empty());
        now += length + 59min;
    }
    now += 24h;
    CHECK(store->block(keyOf(1), "a to b", now).value().length == 10min);
    CHECK(store->list(Store::Book::blocks, now).value().size() == 1);
    CHECK(store->clear(Store::Book::blocks, keyOf(2), now) == 0U);
    CHECK(store->clear(Store::Book::blocks, keyOf(1), now) == 1U);
    CHECK(store->blocks(now).value().empty());
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
