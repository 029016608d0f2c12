// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/store_suite.hh"

#include "test/support/map_store.hh"

#include <doctest/doctest.h>

#include <random>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

std::uint64_t spread(std::uint64_t number) {
    number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9;
    number = (number ^ (number >> 27)) * 0x94D049BB133111EB;
    return number ^ (number >> 31);
}

/// Questions about few keys, so that most of them meet what came before.
class Questions {
public:
    EndOfMessageQuestion next() {
        EndOfMessageQuestion asked;
        asked.client = below(3);
        asked.searched = below(2) == 0;
        const bool hours = below(2) == 0;
        if (below(8) != 0)
            asked.message = {keyOf(below(50)), link(), hours ? 6h : 48h};
        if (below(4) != 0)
            asked.row = {keyOf(100 + below(4)), turn(), below(4) == 0 ? 1h : 2h};
        if (below(4) != 0)
            asked.copy = {keyOf(200 + below(20)), 6h};
        if (asked.message && below(4) == 0)
            asked.posts = {{keyOf(300 + below(3)), {below(3), tag(2)}}};
        return asked;
    }
    std::uint32_t below(unsigned end) { return static_cast<std::uint32_t>(random_()) % end; }

private:
    /// 0 among them, and numbers that no double holds.
    std::uint64_t tag(unsigned end) {
        const std::uint32_t number = below(end);
        return number == 0 ? 0 : 0xFFFFFFFFFFFFFF00 + number;
    }
    ChainLink link() {
        ChainLink made;
        made.author = tag(3) + 1;
        made.previousAuthor = tag(3);
        for (std::uint64_t& each : made.templates)
            each = tag(3);
        made.depth = static_cast<std::uint16_t>(below(4) + 1);
        made.automatic = below(2) == 0;
        made.chainAutomatic = below(2) == 0;
        made.prompt = below(2) == 0;
        return made;
    }
    Turn turn() {
        Turn made;
        made.author = tag(3) + 1;
        made.message = below(3) == 0 ? 0 : below(1000); // 0: it has no Message-ID
        made.depth = static_cast<std::uint16_t>(below(30) == 0 ? 65'535 : below(5));
        made.referring = below(2) == 0;
        made.automatic = below(2) == 0;
        made.reaction = below(4) == 0;
        made.chainAutomatic = below(4) == 0;
        made.toPrompt = below(2) == 0;
        for (std::uint64_t& each : made.templates)
            each = tag(4);
        return made;
    }

    std::mt19937 random_{1}; // NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time
};

void requireSame(const EndOfMessageAnswer& got, const EndOfMessageAnswer& want) {
    REQUIRE(got.known.has_value() == want.known.has_value());
    if (want.known) {
        REQUIRE(got.known->link == want.known->link);
        REQUIRE(got.known->age == want.known->age);
    }
    REQUIRE(got.row == want.row);
    REQUIRE(got.copy.before == want.copy.before);
    REQUIRE(got.copy.lost == want.copy.lost);
    REQUIRE(got.copy.constantIntervals == want.copy.constantIntervals);
    REQUIRE(got.copy.interval == want.copy.interval);
    REQUIRE(got.posts == want.posts);
}

void doesWhatTheSimplestDoes(Store& store, StoreClock& clock, int rounds) {
    Questions questions;
    MapStore simplest;
    for (int round = 0; round < rounds; ++round) {
        CAPTURE(round);
        const EndOfMessageQuestion asked = questions.next();
        const auto want = simplest.endOfMessage(asked, clock.now()).value();
        const auto got = store.endOfMessage(asked, clock.now());
        REQUIRE(got.has_value());
        requireSame(*got, want);
        const StoreKey copy = keyOf(200 + questions.below(20));
        if (questions.below(10) == 0) {
            simplest.noteLostAcknowledgement(copy, clock.now());
            REQUIRE(store.noteLostAcknowledgement(copy, clock.now()));
        }
        if (asked.copy && questions.below(5) == 0) {
            simplest.withdrawCopy(asked.copy->key, clock.now());
            REQUIRE(store.withdrawCopy(asked.copy->key, clock.now()));
        }
        // around the limits of a conversation, and beyond what is remembered
        const unsigned longest[] = {2, 4, 20, 20, 20, 20, 60, 2000, 2000, 30'000};
        clock.pass(std::chrono::seconds(questions.below(longest[questions.below(10)])));
    }
}

/// Exactly at the limits of store_records.hh, and one beyond.
void keepsToTheLimits(Store& store, StoreClock& clock) {
    MapStore simplest;
    std::uint32_t message = 0;
    for (const auto age : {3600s, 3601s, 30s, 31s, 100s, 110s, 100s, 111s, 20s, 22s, 20s, 23s})
        for (const bool reaction : {false, true}) {
            CAPTURE(age.count());
            EndOfMessageQuestion asked;
            for (const bool referring : {true, false}) {
                Turn turn;
                turn.author = ++message;
                turn.message = message % 2 == 0 ? message : 0;
                turn.referring = referring;
                turn.reaction = reaction;
                turn.templates = {7};
                asked.row = {keyOf(7001), turn, 2h};
                asked.copy = {keyOf(7002), 6h};
                requireSame(store.endOfMessage(asked, clock.now()).value(),
                            simplest.endOfMessage(asked, clock.now()).value());
                clock.pass(age);
            }
        }
    // intervals of a hundred seconds, a tenth more, and one beyond
    for (const auto interval : {100s, 100s, 110s, 111s, 111s, 20s, 22s, 23s})
        for (const StoreKey& copy : {keyOf(7003), keyOf(7004)}) {
            EndOfMessageQuestion asked;
            asked.copy = {copy, 6h};
            requireSame(store.endOfMessage(asked, clock.now()).value(),
                        simplest.endOfMessage(asked, clock.now()).value());
            clock.pass(copy == keyOf(7003) ? 0s : interval);
        }
}

void findsInOrder(Store& store, StoreClock& clock) {
    REQUIRE(store.endOfMessage(question(1001), clock.now()));
    clock.pass(5s);
    const auto found = store.findMessages({keyOf(1002), keyOf(1001)}, clock.now()).value();
    REQUIRE(found.size() == 2);
    CHECK_FALSE(found[0]);
    REQUIRE(found[1]);
    CHECK(found[1]->age == 5s);
    CHECK(found[1]->link == question(1001).message->link);
    CHECK(store.findMessages({}, clock.now()).value().empty());
    clock.pass(6h);
    CHECK_FALSE(store.findMessages({keyOf(1001)}, clock.now()).value()[0]);
}

void tellsOnceAnHour(Store& store, StoreClock& clock) {
    CHECK(store.claimNotice(keyOf(2001), clock.now()) == true);
    clock.pass(59min);
    CHECK(store.claimNotice(keyOf(2001), clock.now()) == false);
    CHECK(store.claimNotice(keyOf(2002), clock.now()) == true);
    clock.pass(1min + 1s);
    CHECK(store.claimNotice(keyOf(2001), clock.now()) == true);
}

void countsCuts(Store& store, StoreClock& clock) {
    const SteadyTime start = clock.now();
    const auto count = [&](std::uint64_t loop, std::chrono::minutes later) {
        clock.to(start + later);
        return store.countCut({keyOf(loop), keyOf(3000), "a to b"}, clock.now()).value();
    };
    for (std::uint32_t cut = 1; cut <= 50; ++cut)
        CHECK(count(3001, 1min).ofLoop == cut);
    CHECK(count(3002, 2min).loopsOfClient == 2);
    CHECK(count(3003, 3min).loopsOfClient == 3);
    CHECK(count(3001, 59min).ofLoop == 51);
    CHECK(count(3001, 67min).ofLoop == 2); // the fifty are over
    CHECK(count(3001, 67min).loopsOfClient == 1);
    clock.to(start + 68min);
    const auto listed = store.list(Store::Book::loops, clock.now()).value();
    REQUIRE(listed.size() == 3);
    CHECK(listed[0].key == keyOf(3001));
    CHECK(listed[0].count == 53);
    CHECK(listed[0].label == "a to b");
    CHECK(listed[0].firstAge == 67min);
    CHECK(listed[0].lastAge == 1min);
    CHECK(listed[0].remaining == Store::loopLifetime - 1min);
}

void forgetsLoops(Store& store, StoreClock& clock) {
    const auto now = clock.now();
    CHECK(store.claimNotice(keyOf(3001), now) == true);
    CHECK(store.claimNotice(keyOf(3001), now) == false);
    CHECK(store.clear(Store::Book::loops, keyOf(3001), now) == 1U);
    CHECK(store.clear(Store::Book::loops, keyOf(3001), now) == 0U);
    CHECK(store.claimNotice(keyOf(3001), now) == true);
    CHECK(store.countCut({keyOf(3001), keyOf(3000), "a to b"}, now)->ofLoop == 1);
    CHECK(store.clear(Store::Book::loops, std::nullopt, now) == 3U);
    CHECK(store.list(Store::Book::loops, now).value().empty());
    CHECK(store.countCut({keyOf(3001), keyOf(3000), "a to b"}, now)->loopsOfClient == 1);
}

void blocksLongerAndLonger(Store& store, StoreClock& clock) {
    const std::chrono::minutes lengths[] = {10min,  20min,  40min,   80min, 160min,
                                            320min, 640min, 1280min, 24h,   24h};
    for (const auto length : lengths) {
        const SteadyTime begin = clock.now();
        const auto block = store.block(keyOf(4001), "a to b", clock.now()).value();
        CHECK(block.length == length);
        CHECK(block.remaining == length);
        clock.pass(1min);
        const auto again = store.block(keyOf(4001), "other", clock.now()).value();
        CHECK(again.length == length);
        CHECK(again.remaining == length - 1min);
        CHECK(again.label == "a to b");
        clock.to(begin + length - 1s);
        CHECK(store.blocks(clock.now()).value().size() == 1);
        clock.to(begin + length);
        CHECK(store.blocks(clock.now()).value().empty());
        clock.pass(59min);
    }
    clock.pass(24h);
    CHECK(store.block(keyOf(4001), "a to b", clock.now()).value().length == 10min);
    CHECK(store.list(Store::Book::blocks, clock.now()).value().size() == 1);
    CHECK(store.blocks(clock.now()).value().at(0).label == "a to b");
    CHECK(store.clear(Store::Book::blocks, keyOf(4002), clock.now()) == 0U);
    CHECK(store.clear(Store::Book::blocks, keyOf(4001), clock.now()) == 1U);
    CHECK(store.blocks(clock.now()).value().empty());
}

void tallies(Store& store, StoreClock& clock) {
    for (int report = 0; report < 3; ++report) {
        CHECK(store.countBounce(keyOf(5001), std::string(255, 'x') + "\xC3\xBC", clock.now()));
        clock.pass(1min);
    }
    CHECK(store.countBounce(keyOf(5002), "other", clock.now()));
    const auto listed = store.list(Store::Book::bounces, clock.now()).value();
    REQUIRE(listed.size() == 2);
    CHECK(listed[0].label == "other");
    CHECK(listed[1].label == std::string(255, 'x'));
    CHECK(listed[1].count == 3);
    clock.pass(Store::bounceLifetime);
    CHECK(store.list(Store::Book::bounces, clock.now()).value().empty());
}

void keepsWhatTheOperatorAdds(Store& store, StoreClock& clock) {
    for (const auto book : {Store::Book::allowed, Store::Book::denied}) {
        CHECK(store.addEntry(book, keyOf(6001), "192.0.2.0/24", 1h, clock.now()) == true);
        CHECK(store.addEntry(book, keyOf(6002), "198.51.100.1", 2h, clock.now()) == true);
        clock.pass(30min);
        CHECK(store.addEntry(book, keyOf(6001), "192.0.2.0/24 note=\"x\"", 1h, clock.now()) ==
              true);
        const auto listed = store.list(book, clock.now()).value();
        REQUIRE(listed.size() == 2);
        CHECK(listed[0].key == keyOf(6001));
        CHECK(listed[0].label == "192.0.2.0/24 note=\"x\"");
        CHECK(listed[0].remaining == 1h);
        CHECK(listed[1].remaining == 90min);
        clock.pass(1h);
        CHECK(store.list(book, clock.now()).value().size() == 1);
        CHECK(store.clear(book, keyOf(6002), clock.now()) == 1U);
        CHECK(store.list(book, clock.now()).value().empty());
    }
}

} // namespace

StoreKey keyOf(std::uint64_t number) {
    return {spread(2 * number + 1), spread(2 * number + 2)};
}

EndOfMessageQuestion question(std::uint64_t number, std::uint64_t client) {
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

void checkStore(Store& store, StoreClock& clock, int rounds) {
    keepsToTheLimits(store, clock);
    findsInOrder(store, clock);
    tellsOnceAnHour(store, clock);
    // the windows of cuts are slices of five minutes
    clock.to(SteadyTime(std::chrono::ceil<std::chrono::hours>(clock.now().time_since_epoch())));
    countsCuts(store, clock);
    forgetsLoops(store, clock);
    blocksLongerAndLonger(store, clock);
    tallies(store, clock);
    keepsWhatTheOperatorAdds(store, clock);
    doesWhatTheSimplestDoes(store, clock, rounds);
}

} // namespace sluice::test
