// SPDX-License-Identifier: BSD-2-Clause
#include "common/host_port.hh"

#include <doctest/doctest.h>

using namespace sluice;

TEST_CASE("host and port: what is neither") {
    const char* const texts[] = {
        "",
        ":",
        "25",
        "localhost",
        "localhost:",
        ":25",
        "localhost:0",
        "localhost:65536",
        "localhost:+25",
        "localhost:25 ",
        "localhost: 25",
        "a b:25",
        "a/b:25",
        "user@host:25",
        "a..b:25",
        "127.1:25",
        "1.2.3.256:25",
        "127.0.0.1",
        "::1:25",
        "[::1]",
        "[::1]25",
        "[::1:25",
        "::1]:25",
        "[]:25",
        "[127.0.0.1]:25",
        "[localhost]:25",
        "[::ffff:127.0.0.1]:25",
        "[fe80::1%eth0]:25",
        "smtp://localhost:25",
        "localhost:25\r\n",
        "unix:/run/lmtp",
    };
    for (const char* const text : texts) {
        CAPTURE(text);
        const auto relay = HostPort::parse(text);
        CHECK_FALSE(relay.has_value());
        if (!relay)
            CHECK(relay.error().message.starts_with('"'));
    }
    CHECK(HostPort::parse("localhost").error().message ==
          "\"localhost\" is no HOST:PORT: it has no port");
    CHECK(HostPort::parse("a:b").error().message ==
          "\"a:b\" is no HOST:PORT: a port is a number from 1 to 65535");
}

TEST_CASE("host and port: read and written") {
    struct Case {
        const char* text;
        const char* relay;
    };
    const Case cases[] = {
        {"127.0.0.1:25", "127.0.0.1:25"},
        {"Localhost:587", "localhost:587"},
        {"mx.Example.org.:0025", "mx.example.org:25"},
        {"[::1]:65535", "[::1]:65535"},
        {"[2001:DB8:0::1]:1", "[2001:db8::1]:1"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.text);
        const auto parsed = HostPort::parse(c.text);
        REQUIRE(parsed.has_value());
        CHECK(parsed->text() == c.relay);
    }
}
