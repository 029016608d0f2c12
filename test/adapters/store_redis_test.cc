// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/store_redis.hh"
#include "test/support/redis_server.hh"
#include "test/support/store_suite.hh"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

namespace sluice {
namespace {

using namespace std::chrono_literals;

TextSeal anySeal() {
    Digest key{};
    key.fill(7);
    return TextSeal({key});
}

/// A time that is still to come: what is asked for a message has its time behind `now`.
const SteadyTime start =
    std::chrono::ceil<std::chrono::hours>(std::chrono::steady_clock::now()) + 1000h;

TEST_CASE_TEMPLATE("redis: does what every store does", Servers, test::RedisServer,
                   test::RedisBehindSentinel, test::RedisCluster) {
    const Servers servers;
    RedisStore store(servers.settings(), anySeal());
    test::StoreClock clock(start, [&](SteadyTime time) { servers.setTime(time); });
    test::checkStore(store, clock, 4000);
}

TEST_CASE("redis: many threads lose no count") {
    test::RedisServer server;
    RedisStore store(server.settings(), anySeal());
    constexpr std::uint32_t threadCount = 8;
    constexpr std::uint32_t each = 250;
    std::vector<std::thread> threads;
    std::atomic<std::uint32_t> firsts{0};
    for (std::uint32_t thread = 0; thread < threadCount; ++thread)
        threads.emplace_back([&store, &firsts, thread] {
            for (std::uint32_t number = 0; number < each; ++number) {
                auto asked = test::question(number, thread);
                asked.copy = {test::keyOf(5), 6h};
                const auto answer = store.endOfMessage(asked, start);
                firsts += answer && !answer->known ? 1U : 0U;
                store.noteLostAcknowledgement(test::keyOf(5), start);
                static_cast<void>(store.countCut({test::keyOf(1), test::keyOf(2), "label"}, start));
            }
        });
    for (auto& thread : threads)
        thread.join();
    CHECK(firsts == each);
    EndOfMessageQuestion last;
    last.copy = {test::keyOf(5), 6h};
    const auto answer = store.endOfMessage(last, start).value();
    CHECK(answer.copy.before == threadCount * each);
    CHECK(answer.copy.lost == threadCount * each);
    CHECK(store.list(Store::Book::loops, start).value()[0].count == threadCount * each);
}

TEST_CASE("redis: a server that is gone is unavailable") {
    RedisSettings settings;
    {
        test::RedisServer server;
        settings = server.settings();
        RedisStore store(settings, anySeal());
        CHECK(store.endOfMessage(test::question(1), start).has_value());
    }
    settings.timeout = 20ms;
    RedisStore store(settings, anySeal());
    for (int message = 0; message < 5; ++message)
        CHECK_FALSE(store.endOfMessage(test::question(1), start).has_value());
    REQUIRE(store.status().size() == 1);
    CHECK_FALSE(store.status()[0].available);
    CHECK_FALSE(store.claimNotice(test::keyOf(1), start).has_value());
    CHECK_FALSE(store.list(Store::Book::loops, start).has_value());
    CHECK_FALSE(store.withdrawCopy(test::keyOf(1), start));
}

TEST_CASE("redis: labels of another key are told apart, and never read") {
    test::RedisServer server;
    RedisStore store(server.settings(), anySeal());
    CHECK(store.countBounce(test::keyOf(1), "list@example.org user@example.org", start));
    CHECK(store.list(Store::Book::bounces, start).value()[0].label ==
          "list@example.org user@example.org");
    store.setSeal(TextSeal({Digest{}}));
    CHECK(store.list(Store::Book::bounces, start).value()[0].label == "(sealed with another key)");
}

TEST_CASE("redis: a full book loses what ends first, and refuses more of the operator's") {
    test::RedisServer server;
    RedisStore store(server.settings(), anySeal());
    for (std::uint64_t member = 0; member < 2500; ++member)
        REQUIRE(store.countBounce(test::keyOf(member), "label", start));
    const auto listed = store.list(Store::Book::bounces, start).value();
    CHECK(listed.size() > 1700);
    CHECK(listed.size() <= 2001);
    int added = 0;
    for (std::uint64_t network = 0; network < 2010; ++network)
        added += store.addEntry(Store::Book::denied, test::keyOf(network), "192.0.2.1", 1h, start)
                         .value()
                     ? 1
                     : 0;
    CHECK(added <= 2001);
    CHECK(store.addEntry(Store::Book::denied, test::keyOf(1), "192.0.2.1", 1h, start) == true);
    CHECK(store.addEntry(Store::Book::denied, test::keyOf(5000), "192.0.2.1", 1h, start) == false);
}

} // namespace
} // namespace sluice
