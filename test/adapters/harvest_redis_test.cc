// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/harvest_memory.hh"
#include "milter/adapters/harvest_redis.hh"
#include "milter/adapters/redis_connection.hh"
#include "test/support/harvest_suite.hh"
#include "test/support/redis_server.hh"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds window = 1h;
const SteadyTime start{1000h};

class NoCounter : public HarvestCounter {
public:
    std::uint32_t countUnknown(const IpAddress& /*client*/, SteadyTime /*now*/) noexcept override {
        return 0;
    }
};

KeyHasher anyHasher() {
    Digest key{};
    key.fill(7);
    return KeyHasher(key);
}

IpAddress address(const std::string& text) {
    return IpAddress::parse(text).value();
}

/// One node of those that share a server.
class Node {
public:
    explicit Node(RedisSettings settings, const HarvestShares& shares = {})
        : client_(std::make_shared<RedisClient>(std::move(settings))),
          counter_(makeRedisHarvestCounter(client_, anyHasher(), window,
                                           makeMemoryHarvestCounter(window), shares)) {}

    std::uint32_t count(const std::string& client, SteadyTime now = start) {
        return counter_->countUnknown(address(client), now);
    }

private:
    std::shared_ptr<RedisClient> client_;
    std::shared_ptr<HarvestCounter> counter_;
};

TEST_CASE("harvest: Redis counts as memory does") {
    test::RedisServer server;
    const auto client = std::make_shared<RedisClient>(server.settings());
    test::StoreClock clock(start, [&](SteadyTime time) { server.setTime(time); });
    test::checkHarvestCounter(
        [&](std::chrono::milliseconds length) {
            return makeRedisHarvestCounter(client, anyHasher(), length,
                                           std::make_shared<NoCounter>());
        },
        clock);
}

TEST_CASE("harvest: what one node counts, the others know") {
    test::RedisServer server;
    server.setTime(start);
    Node first(server.settings());
    Node second(server.settings());
    for (std::uint32_t i = 0; i < 10; ++i) {
        CHECK(first.count("192.0.2.1") == 2 * i + 1);
        CHECK(second.count("192.0.2.1") == 2 * i + 2);
    }
    CHECK(second.count("192.0.2.2") == 1);
    CHECK(second.count("2001:db8::1") == 1);
    CHECK(first.count("2001:db8::ffff") == 2);
}

TEST_CASE("harvest: each key is a hash, and ends by itself") {
    test::RedisServer server;
    server.setTime(start);
    Node node(server.settings());
    node.count("192.0.2.1");
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    auto connection =
        RedisConnection::open({server.settings().path, "", 0}, {}, 0, false, deadline).value();
    const auto keys = connection->ask({"KEYS", "*"}, deadline).value();
    std::string found;
    for (std::size_t i = 0; i < keys.value().size(); ++i)
        if (const auto key = keys.value()[i].text(); key && key->starts_with("sluice:h:"))
            found = *key;
    REQUIRE(found.size() == std::string("sluice:h:").size() + 32);
    const auto left = connection->ask({"TTL", found}, deadline).value();
    CHECK(left.value().integer().value_or(0) > 3600);
    CHECK(left.value().integer().value_or(0) <= 3714);
    CHECK(connection->ask({"STRLEN", found}, deadline).value().value().integer() == 12);
}

TEST_CASE("harvest: what is under the key may be anything") {
    test::RedisServer server;
    server.setTime(start);
    Node node(server.settings());
    node.count("192.0.2.1");
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    auto connection =
        RedisConnection::open({server.settings().path, "", 0}, {}, 0, false, deadline).value();
    const auto keys = connection->ask({"KEYS", "sluice:h:*"}, deadline).value();
    const std::string key(keys.value()[0].text().value());
    std::uint32_t own = 1;
    for (const std::string& odd :
         {std::string(), std::string("x"), std::string(12, '\xFF'), std::string(12 * 40, '\xFF'),
          std::string(12, '\0'), std::string(12 * 40, '\0')}) {
        connection->ask({"SET", key, odd}, deadline).value();
        CHECK(node.count("192.0.2.1") == ++own);
    }
    connection->ask({"DEL", key}, deadline).value();
    connection->ask({"SADD", key, "member"}, deadline).value();
    CHECK(node.count("192.0.2.1") == ++own);
}

TEST_CASE("harvest: a server with another clock takes over") {
    test::RedisServer server;
    server.setTime(start);
    Node first(server.settings());
    Node second(server.settings());
    for (int i = 0; i < 5; ++i)
        first.count("192.0.2.1");
    server.setTime(start - 10min);
    CHECK(second.count("192.0.2.1") == 6);
    server.setTime(start - 500h);
    CHECK(second.count("192.0.2.1") == 2); // as far as it knows itself
}

TEST_CASE("harvest: without Redis each node counts for itself, and knows what it has counted") {
    std::unique_ptr<Node> first;
    std::unique_ptr<Node> second;
    {
        test::RedisServer server;
        server.setTime(start);
        auto settings = server.settings();
        settings.timeout = 500ms;
        first = std::make_unique<Node>(settings);
        second = std::make_unique<Node>(settings);
        for (int i = 0; i < 3; ++i)
            first->count("192.0.2.1");
        CHECK(second->count("192.0.2.1") == 4);
    }
    for (std::uint32_t i = 0; i < 5; ++i) {
        CHECK(first->count("192.0.2.1") == 4 + i);
        CHECK(second->count("192.0.2.1") == 2 + i);
    }
}

TEST_CASE("harvest: a client that comes from ever new networks uses up its share of Redis alone") {
    test::RedisServer server;
    server.setTime(start);
    Node flooded(server.settings(), {.ofClient = 50, .ofAll = 80});
    Node other(server.settings());
    for (int i = 0; i < 200; ++i)
        flooded.count(fmt::format("2001:db8:1:{:x}::1", i));
    CHECK(other.count("2001:db8:1:10::1") == 2);
    CHECK(other.count("2001:db8:1:64::1") == 1); // counted by its own node alone
    CHECK(flooded.count("2001:db8:1:64::1") == 2);
    CHECK(other.count("192.0.2.1") == 1);
    CHECK(flooded.count("192.0.2.1") == 2);
    for (int i = 0; i < 200; ++i)
        flooded.count(fmt::format("203.0.113.{}", i));
    CHECK(other.count("203.0.113.10") == 2);
    CHECK(other.count("203.0.113.100") == 1);
    server.setTime(start + 2h);
    CHECK(flooded.count("203.0.113.200", start + 2h) == 1); // the share has come back
    CHECK(other.count("203.0.113.200", start + 2h) == 2);
}

TEST_CASE("harvest: many threads of two nodes lose no count") {
    test::RedisServer server;
    server.setTime(start);
    Node nodes[] = {Node(server.settings()), Node(server.settings())};
    constexpr std::uint32_t threadCount = 4;
    constexpr std::uint32_t each = 250;
    std::vector<std::thread> threads;
    for (std::uint32_t number = 0; number < threadCount; ++number)
        threads.emplace_back([&node = nodes[number % 2]] {
            for (std::uint32_t i = 0; i < each; ++i)
                node.count("192.0.2.1");
        });
    for (auto& thread : threads)
        thread.join();
    CHECK(nodes[0].count("192.0.2.1") == threadCount * each + 1);
}

} // namespace
} // namespace sluice
