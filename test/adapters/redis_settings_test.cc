// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/redis_settings.hh"

#include <doctest/doctest.h>

using namespace sluice;

TEST_CASE("redis settings: what is no place of a store") {
    const char* const urls[] = {
        "",
        "redis",
        "redis:",
        "redis://",
        "redis://localhost",
        "redis://localhost:0",
        "redis://localhost:6379/x",
        "redis://localhost:6379/-1",
        "redis://localhost:6379/65536",
        "redis://localhost:6379/0/",
        "redis://a:1,b:2",
        "redis://user:secret@localhost:6379",
        "redis://::1:6379",
        "redis+unix://",
        "redis+unix://run/redis.sock",
        "redis-sentinel://a:1,b:2",
        "redis-sentinel://a:1,b:2/",
        "redis-sentinel:///mymaster",
        "redis-sentinel://a:1,,b:2/mymaster",
        "redis-cluster://",
        "redis-cluster://a:1/0",
        "Redis://localhost:6379",
        "memory://",
    };
    for (const char* const url : urls) {
        CAPTURE(url);
        const auto settings = RedisSettings::parse(url);
        CHECK_FALSE(settings.has_value());
        if (!settings) {
            CHECK_FALSE(settings.error().message.empty());
            CHECK(settings.error().message.find("secret") == std::string::npos);
        }
    }
}

TEST_CASE("redis settings: read and written") {
    using Topology = RedisSettings::Topology;
    struct Case {
        const char* url;
        const char* written;
        std::size_t servers;
        unsigned database;
        Topology topology;
    };
    const Case cases[] = {
        {"redis://localhost:6379", "redis://localhost:6379", 1, 0, Topology::standalone},
        {"redis://127.0.0.1:06379/", "redis://127.0.0.1:6379", 1, 0, Topology::standalone},
        {"redis://[::1]:6379/15", "redis://[::1]:6379/15", 1, 15, Topology::standalone},
        {"redis+unix:///run/redis/redis.sock", "redis+unix:///run/redis/redis.sock", 0, 0,
         Topology::standalone},
        {"redis-sentinel://a.example:26379,B.example:26379/mymaster",
         "redis-sentinel://a.example:26379,b.example:26379/mymaster", 2, 0, Topology::sentinel},
        {"redis-cluster://192.0.2.1:7000,192.0.2.2:7000",
         "redis-cluster://192.0.2.1:7000,192.0.2.2:7000", 2, 0, Topology::cluster},
    };
    for (const Case& c : cases) {
        CAPTURE(c.url);
        const auto settings = RedisSettings::parse(c.url);
        REQUIRE(settings.has_value());
        CHECK(settings->url() == c.written);
        CHECK(settings->topology == c.topology);
        CHECK(settings->servers.size() == c.servers);
        CHECK(settings->database == c.database);
        CHECK(RedisSettings::parse(settings->url()) == *settings);
    }
}

TEST_CASE("redis settings: TLS where hiredis has it, a clear error where not") {
    const auto settings = RedisSettings::parse("rediss://redis.example:6379/1");
#ifdef SLUICE_REDIS_TLS
    REQUIRE(settings.has_value());
    CHECK(settings->tls);
    CHECK(settings->url() == "rediss://redis.example:6379/1");
#else
    REQUIRE_FALSE(settings.has_value());
    CHECK(settings.error().message.find("unix socket, or a tunnel") != std::string::npos);
#endif
}

TEST_CASE("redis settings: logins") {
    struct Case {
        const char* text;
        RedisLogin login;
        RedisLogin sentinel;
    };
    const Case cases[] = {
        {"secret\n", {"", "secret"}, {}},
        {"# for sluice\n\n  sluice   secret  \r\n", {"sluice", "secret"}, {}},
        {"a b\nc d", {"a", "b"}, {"c", "d"}},
        {"p\nq\n", {"", "p"}, {"", "q"}},
    };
    for (const Case& c : cases) {
        CAPTURE(c.text);
        RedisSettings settings;
        REQUIRE(settings.readLogins(c.text).has_value());
        CHECK(settings.login == c.login);
        CHECK(settings.sentinelLogin == c.sentinel);
    }
    for (const char* const text : {"", "\n", "# nothing\n", "a b c\n", "a\nb\nc\n"}) {
        CAPTURE(text);
        CHECK_FALSE(RedisSettings().readLogins(text).has_value());
    }
    // no error shows a secret
    const auto wrong = RedisSettings().readLogins("secret1 secret2 secret3");
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error().message.find("secret") == std::string::npos);
}
