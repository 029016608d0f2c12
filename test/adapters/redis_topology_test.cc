// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/redis_topology.hh"

#include <doctest/doctest.h>

using namespace sluice;

TEST_CASE("redis topology: slots as CLUSTER KEYSLOT has them") {
    CHECK(redisSlot("") == 0);
    CHECK(redisSlot("123456789") == 0x31C3);
    CHECK(redisSlot("foo") == 12182);
    CHECK(redisSlot("{foo}bar") == 12182);
    CHECK(redisSlot("a{foo}bar{zap}") == 12182);
    CHECK(redisSlot("foo{}{bar}") == 8363);
    CHECK(redisSlot("foo{{bar}}zap") == 4015);
}

TEST_CASE("redis topology: redirections") {
    const RedisEndpoint asked{"", "192.0.2.1", 7000};
    const auto target = [&](const char* error) {
        const auto found = redirectionOf(error, asked);
        return found ? found->text() : "none";
    };
    CHECK(target("MOVED 3999 127.0.0.1:6381") == "127.0.0.1:6381");
    CHECK(target("ASK 3999 127.0.0.1:6381") == "127.0.0.1:6381");
    CHECK(target("MOVED 3999 2001:db8::1:6381") == "[2001:db8::1]:6381");
    CHECK(target("MOVED 3999 :6381") == "192.0.2.1:6381");
    for (const char* const wrong :
         {"", "MOVED", "MOVED 1", "MOVED 1 127.0.0.1", "MOVED 1 127.0.0.1:0",
          "MOVED 1 127.0.0.1:65536", "MOVED 1 127.0.0.1:x", "MOVED 1 redis.example:6379",
          "ASKING 1 127.0.0.1:1", "MOVED 1 127.0.0.1:1 x"}) {
        CAPTURE(wrong);
        CHECK(target(wrong) == "none");
    }
}
