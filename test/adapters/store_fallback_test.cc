// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/client_shares.hh"
#include "milter/adapters/store_fallback.hh"
#include "milter/adapters/store_memory.hh"
#include "test/support/map_store.hh"
#include "test/support/store_suite.hh"

#include <doctest/doctest.h>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::keyOf;
using test::MapStore;
using test::question;

const SteadyTime start{1000h};

/// How many of so many messages may be kept.
int taken(ClientShares& shares, std::uint64_t client, int tries, SteadyTime now) {
    int count = 0;
    for (int each = 0; each < tries; ++each)
        count += shares.take(client, now) ? 1 : 0;
    return count;
}

TEST_CASE("shares: a client has its own, and all have theirs") {
    ClientShares shares({.ofClient = 10, .ofAll = 25, .period = 100s, .clients = 4});
    CHECK(taken(shares, 1, 50, start) == 10);
    CHECK(taken(shares, 2, 5, start) == 5);
    CHECK(taken(shares, 1, 50, start + 20s) == 2);
    CHECK(taken(shares, 2, 50, start + 20s) == 6 + 1); // five were left, two have come back
    CHECK(taken(shares, 3, 50, start + 20s) == 6);     // what is left for all
    CHECK(taken(shares, 4, 50, start + 20s) == 0);
    CHECK(taken(shares, 4, 50, start + 1000s) == 10);
    for (std::uint64_t client = 100; client < 200; ++client)
        taken(shares, client, 1, start + 2000s);
    CHECK(taken(shares, 4, 50, start + 3000s) == 10);
}

TEST_CASE("shares: one that is used up is not handed out piece by piece") {
    ClientShares shares({.ofClient = 100, .ofAll = 150, .period = 100s, .clients = 4});
    CHECK(taken(shares, 1, 200, start) == 100);
    CHECK(taken(shares, 1, 50, start + 5s) == 0);
    CHECK(taken(shares, 1, 50, start + 9s) == 0);
    CHECK(taken(shares, 1, 50, start + 10s) == 10);
    CHECK(taken(shares, 1, 50, start + 11s) == 0);
    CHECK(taken(shares, 2, 200, start + 11s) == 56); // of 150 and 16 that have come back
    CHECK(taken(shares, 3, 50, start + 18s) == 0);
    CHECK(taken(shares, 3, 50, start + 31s) == 30);
}

TEST_CASE("fallback: does what every store does") {
    FallbackStore store(makeMemoryStore(), makeMemoryStore());
    test::StoreClock clock(start);
    test::checkStore(store, clock, 2000);
}

TEST_CASE("fallback: without the shared store all goes on, but nothing can be cleared for all") {
    auto shared = std::make_shared<MapStore>();
    shared->down = true;
    FallbackStore store(shared, makeMemoryStore());
    const Cut cut{keyOf(1), keyOf(2), "a to b"};
    CHECK(store.claimNotice(keyOf(1), start) == true);
    CHECK(store.claimNotice(keyOf(1), start) == false);
    CHECK(store.countCut(cut, start)->ofLoop == 1);
    CHECK(store.countCut(cut, start)->ofLoop == 2);
    CHECK(store.block(keyOf(1), "a to b", start)->length == Store::firstBlock);
    CHECK(store.blocks(start)->size() == 1);
    CHECK(store.countBounce(keyOf(3), "member", start));
    CHECK(store.list(Store::Book::bounces, start)->size() == 1);
    CHECK_FALSE(store.clear(Store::Book::loops, std::nullopt, start).has_value());
}

TEST_CASE("fallback: counting goes on where the shared store stopped, and both are known after") {
    auto shared = std::make_shared<MapStore>();
    FallbackStore store(shared, makeMemoryStore());
    CHECK_FALSE(store.endOfMessage(question(1), start)->known);
    shared->down = true;
    CHECK_FALSE(store.endOfMessage(question(2), start)->known);
    CHECK(store.endOfMessage(question(2), start)->known);
    CHECK(store.endOfMessage(question(2), start)->copy.before == 2);
    shared->down = false;
    const auto found = store.findMessages({keyOf(1), keyOf(2), keyOf(3)}, start).value();
    CHECK(found[0]);
    CHECK(found[1]);
    CHECK_FALSE(found[2]);
}

TEST_CASE("fallback: a copy that was not taken is withdrawn when the shared store is back") {
    auto shared = std::make_shared<MapStore>();
    FallbackStore store(shared, makeMemoryStore());
    const StoreKey copy = question(1).copy->key;
    CHECK(store.endOfMessage(question(1), start)->copy.before == 0);
    shared->down = true; // it has counted, and does not hear that the message was refused
    store.withdrawCopy(copy, start);
    shared->down = false;
    CHECK(store.blocks(start).has_value()); // as the housekeeper asks each second
    CHECK(store.endOfMessage(question(1), start)->copy.before == 0);
    CHECK(store.endOfMessage(question(1), start)->copy.before == 1);
}

TEST_CASE("fallback: a client that floods fills only this node's memory") {
    auto shared = std::make_shared<MapStore>();
    FallbackStore store(shared, makeMemoryStore(),
                        {.ofClient = 100, .ofAll = 1000, .period = 6h, .clients = 10});
    for (std::uint64_t number = 0; number < 1000; ++number)
        CHECK(store.endOfMessage(question(number, 1), start).has_value());
    CHECK(shared->trips == 100);
    CHECK_FALSE(store.endOfMessage(question(5000, 2), start)->known);
    CHECK(shared->trips == 101);
    CHECK(shared->endOfMessage(question(5000, 2), start)->known);
}

} // namespace
} // namespace sluice
