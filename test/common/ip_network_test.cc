// SPDX-License-Identifier: BSD-2-Clause
#include "common/ip_network.hh"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <bit>
#include <cstring>
#include <string>
#include <string_view>

using namespace sluice;
using namespace std::string_view_literals;

namespace {

IpAddress address(std::string_view text) {
    const auto parsed = IpAddress::parse(text);
    REQUIRE_MESSAGE(parsed, text);
    return *parsed;
}

IpNetwork network(std::string_view text) {
    const auto parsed = IpNetwork::parse(text);
    REQUIRE_MESSAGE(parsed, text);
    return *parsed;
}

std::optional<IpAddress> fromSockaddr(const auto& socketAddress) {
    return IpAddress::fromSockaddr(reinterpret_cast<const sockaddr*>(&socketAddress));
}

} // namespace

TEST_CASE("what is no address is refused") {
    for (const auto text : {""sv,
                            " "sv,
                            "."sv,
                            "192.0.2"sv,
                            "192.0.2."sv,
                            ".192.0.2.1"sv,
                            "192.0.2.1."sv,
                            "192.0.2.1.1"sv,
                            "192.0..1"sv,
                            "192.0.2.256"sv,
                            "192.0.2.-1"sv,
                            "192.0.2.+1"sv,
                            "192.0.2.01"sv,
                            "192.000.2.1"sv,
                            "010.0.0.1"sv,
                            "0x7f.0.0.1"sv,
                            "2130706433"sv,
                            "127.1"sv,
                            " 192.0.2.1"sv,
                            "192.0.2.1 "sv,
                            "192.0.2.1\0"sv,
                            "192.0.2.1\n"sv,
                            "192.0.2.4294967297"sv,
                            "192.0.2.1/32"sv,
                            "[192.0.2.1]"sv,
                            "192.0.2.1:25"sv,
                            ":"sv,
                            ":::"sv,
                            "2001:db8"sv,
                            "2001:db8::1::2"sv,
                            "1:2:3:4:5:6:7:8:9"sv,
                            "1:2:3:4:5:6:7"sv,
                            "12345::"sv,
                            "00001::"sv,
                            "2001:db8::g"sv,
                            "fe80::1%eth0"sv,
                            "fe80::1%1"sv,
                            "[2001:db8::1]"sv,
                            "::ffff:192.0.2.256"sv,
                            "::ffff:192.0.2.01"sv,
                            "::192.0.2"sv,
                            "::ffff:192.0.2.1:1"sv,
                            "2001:db8::\0"sv,
                            "localhost"sv}) {
        CAPTURE(text);
        CHECK_FALSE(IpAddress::parse(text));
        CHECK_FALSE(IpNetwork::parse(std::string(text) + "/24"));
    }
    CHECK_FALSE(IpAddress::parse(std::string(100'000, '1')));
    CHECK(IpAddress::parse("\x1B").error().message == "\"\\x1B\" is no IP address");
    CHECK(IpAddress::parse("fe80::1%eth0").error().message.find("scope id") != std::string::npos);
}

TEST_CASE("addresses are written in canonical form") {
    struct {
        std::string_view text;
        std::string_view canonical;
    } const cases[] = {
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"192.0.2.1", "192.0.2.1"},
        // RFC 5952 section 4
        {"2001:0DB8::0001", "2001:db8::1"},
        {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"0:0:0:0:0:0:0:0", "::"},
        {"0:0:0:0:0:0:0:1", "::1"},
        {"1:0:0:0:0:0:0:0", "1::"},
        {"0:0:1:0:0:0:0:0", "0:0:1::"},
        {"0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"},
        {"1:2:3:4:5:6::", "1:2:3:4:5:6::"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"::1.2.3.4", "::102:304"},
        {"64:ff9b::192.0.2.1", "64:ff9b::c000:201"},
        {"FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:255.255.255.255",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"::fffe:c000:201", "::fffe:c000:201"},
        {"::ffff:0:c000:201", "::ffff:0:c000:201"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        CHECK(address(one.text).text() == one.canonical);
        CHECK(address(one.canonical) == address(one.text));
    }
}

TEST_CASE("a mapped address is the IPv4 address") {
    for (const auto text :
         {"::ffff:192.0.2.1"sv, "::FFFF:c000:0201"sv, "0:0:0:0:0:ffff:c000:201"sv}) {
        CAPTURE(text);
        CHECK(address(text) == address("192.0.2.1"));
        CHECK(address(text).family() == IpFamily::v4);
        CHECK(address(text).bitCount() == 32);
    }
    CHECK(IpAddress::v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 1}) ==
          IpAddress::v4(0xC0000201));
    CHECK(address("::192.0.2.1").family() == IpFamily::v6);
    CHECK(address("::ffff:0:0").text() == "0.0.0.0");
}

TEST_CASE("an address gives its bits") {
    CHECK(address("192.0.2.1").v4Bits() == 0xC0000201);
    CHECK(IpAddress::v4(0xFFFFFFFF).text() == "255.255.255.255");
    CHECK(address("192.0.2.1").octets() == std::array<std::uint8_t, 16>{192, 0, 2, 1});
    CHECK(address("2001:db8::1").octets() ==
          std::array<std::uint8_t, 16>{0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
    CHECK(address("2001:db8::1").bitCount() == 128);
}

TEST_CASE("addresses have an order: IPv4 first, then by value") {
    CHECK(address("255.255.255.255") < address("::"));
    CHECK(address("9.255.0.0") < address("10.0.0.0"));
    CHECK(address("2001:db8::9") < address("2001:db8::10"));
}

TEST_CASE("socket addresses") {
    CHECK_FALSE(IpAddress::fromSockaddr(nullptr));
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    CHECK_FALSE(fromSockaddr(local));
    sockaddr unspecified{};
    unspecified.sa_family = AF_UNSPEC;
    CHECK_FALSE(IpAddress::fromSockaddr(&unspecified));

    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(25);
    REQUIRE(inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr) == 1);
    CHECK(fromSockaddr(v4) == address("192.0.2.1"));

    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_scope_id = 7;
    REQUIRE(inet_pton(AF_INET6, "fe80::1", &v6.sin6_addr) == 1);
    CHECK(fromSockaddr(v6) == address("fe80::1"));
    REQUIRE(inet_pton(AF_INET6, "::ffff:192.0.2.1", &v6.sin6_addr) == 1);
    CHECK(fromSockaddr(v6) == address("192.0.2.1"));
}

TEST_CASE("ports of socket addresses") {
    const auto port = [](const auto& socketAddress) {
        return portOf(reinterpret_cast<const sockaddr*>(&socketAddress));
    };
    CHECK_FALSE(portOf(nullptr));
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    CHECK_FALSE(port(local));
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    CHECK(port(v4) == 0);
    v4.sin_port = htons(2525);
    CHECK(port(v4) == 2525);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(65535);
    CHECK(port(v6) == 65535);
}

TEST_CASE("loopback") {
    for (const char* text : {"127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"})
        CHECK(address(text).isLoopback());
    for (const char* text : {"126.255.255.255", "128.0.0.0", "::", "::2", "7f00::1"})
        CHECK_FALSE(address(text).isLoopback());
}

TEST_CASE("what is no network is refused, and the reason is named") {
    struct {
        std::string_view text;
        std::string_view reason;
    } const cases[] = {
        {"/", "is no IP address"},
        {"/24", "is no IP address"},
        {"192.0.2.0/", "prefix"},
        {"192.0.2.0/33", "\"33\" is none of 0 to 32"},
        {"192.0.2.0/-1", "prefix"},
        {"192.0.2.0/+24", "prefix"},
        {"192.0.2.0/ 24", "prefix"},
        {"192.0.2.0/24 ", "prefix"},
        {"192.0.2.0/024", "prefix"},
        {"192.0.2.0/00", "prefix"},
        {"192.0.2.0/24/24", "prefix"},
        {"192.0.2.0/24x", "prefix"},
        {"192.0.2.0/256", "prefix"},
        {"192.0.2.0/4294967320", "prefix"},
        {"192.0.2.0/18446744073709551640", "prefix"},
        {"192.0.2.0/99999999999999999999999999", "prefix"},
        {"2001:db8::/129", "\"129\" is none of 0 to 128"},
        {"192.0.2.0/255.255.255.1", "has holes"},
        {"192.0.2.0/255.0.255.0", "has holes"},
        {"192.0.2.0/0.0.0.255", "has holes"},
        {"192.0.2.0/0.0.0.1", "has holes"},
        {"192.0.2.0/255.255.255", "no netmask"},
        {"192.0.2.0/255.255.255.256", "no netmask"},
        {"192.0.2.0/255.255.255.00", "no netmask"},
        {"2001:db8::/255.255.255.0", "no netmask"},
        {"::ffff:192.0.2.0/255.255.255.0", "no netmask"},
        {"fe80::1%eth0/64", "scope id"},
        {"192.0.2.1/24", "was 192.0.2.0/24 meant?"},
        {"192.0.2.0/0", "was 0.0.0.0/0 meant?"},
        {"192.0.2.0/0.0.0.0", "was 0.0.0.0/0 meant?"},
        {"192.0.2.1/255.255.255.254", "was 192.0.2.0/31 meant?"},
        {"2001:db8::1/64", "was 2001:db8::/64 meant?"},
        {"2001:db8::1/127", "was 2001:db8::/127 meant?"},
        {"::ffff:192.0.2.1/120", "was 192.0.2.0/24 meant?"},
        {"::ffff:192.0.2.0/24", "96 or more; was 192.0.2.0/24 meant?"},
        {"::ffff:192.0.2.0/95", "96 or more"},
        {"::ffff:0:0/95", "96 or more"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        const auto parsed = IpNetwork::parse(one.text);
        REQUIRE_FALSE(parsed);
        CAPTURE(parsed.error().message);
        CHECK(parsed.error().message.find(one.reason) != std::string::npos);
    }
}

TEST_CASE("networks are read in every form and written in one") {
    struct {
        std::string_view text;
        std::string_view canonical;
        int prefix;
    } const cases[] = {
        {"192.0.2.1", "192.0.2.1", 32},
        {"192.0.2.1/32", "192.0.2.1", 32},
        {"192.0.2.0/24", "192.0.2.0/24", 24},
        {"192.0.2.0/255.255.255.0", "192.0.2.0/24", 24},
        {"192.0.2.1/255.255.255.255", "192.0.2.1", 32},
        {"128.0.0.0/128.0.0.0", "128.0.0.0/1", 1},
        {"0.0.0.0/0", "0.0.0.0/0", 0},
        {"0.0.0.0/0.0.0.0", "0.0.0.0/0", 0},
        {"2001:DB8::/32", "2001:db8::/32", 32},
        {"2001:db8::1", "2001:db8::1", 128},
        {"2001:db8::1/128", "2001:db8::1", 128},
        {"::/0", "::/0", 0},
        {"::ffff:192.0.2.1", "192.0.2.1", 32},
        {"::ffff:192.0.2.1/128", "192.0.2.1", 32},
        {"::ffff:192.0.2.0/120", "192.0.2.0/24", 24},
        {"::ffff:0:0/96", "0.0.0.0/0", 0},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        CHECK(network(one.text).text() == one.canonical);
        CHECK(network(one.text).prefix() == one.prefix);
        CHECK(network(one.canonical) == network(one.text));
    }
}

TEST_CASE("a network holds its addresses and no other") {
    struct {
        std::string_view network;
        std::string_view address;
        bool held;
    } const cases[] = {
        {"0.0.0.0/0", "0.0.0.0", true},
        {"0.0.0.0/0", "255.255.255.255", true},
        {"0.0.0.0/0", "::ffff:192.0.2.1", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "192.0.2.1", false},
        {"::/0", "::ffff:192.0.2.1", false},
        {"::/0", "2001:db8::1", true},
        {"::ffff:0:0/96", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.0", false},
        {"192.0.2.0/25", "192.0.2.127", true},
        {"192.0.2.0/25", "192.0.2.128", false},
        {"192.0.2.0/25", "192.0.1.255", false},
        {"128.0.0.0/1", "127.255.255.255", false},
        {"128.0.0.0/1", "255.0.0.0", true},
        {"2001:db8::/63", "2001:db8:0:1:ffff::", true},
        {"2001:db8::/63", "2001:db8:0:2::", false},
        {"2001:db8::/65", "2001:db8::7fff:0:0:1", true},
        {"2001:db8::/65", "2001:db8::8000:0:0:0", false},
        {"2001:db8::1", "2001:db8::2", false},
    };
    for (const auto& one : cases) {
        CAPTURE(one.network);
        CAPTURE(one.address);
        CHECK(network(one.network).contains(address(one.address)) == one.held);
    }
}

TEST_CASE("the network around an address has no host bits") {
    CHECK(IpNetwork::around(address("192.0.2.255"), 25).text() == "192.0.2.128/25");
    CHECK(IpNetwork::around(address("192.0.2.255"), 0).text() == "0.0.0.0/0");
    CHECK(IpNetwork::around(address("192.0.2.255"), 32).text() == "192.0.2.255");
    CHECK(IpNetwork::around(address("2001:db8:ffff:ffff::1"), 47).text() == "2001:db8:fffe::/47");
    CHECK(IpNetwork::around(address("2001:db8::1"), 128).text() == "2001:db8::1");
    // out of range is taken as the nearest that is in it
    CHECK(IpNetwork::around(address("192.0.2.1"), 64).text() == "192.0.2.1");
    CHECK(IpNetwork::around(address("192.0.2.1"), -1).text() == "0.0.0.0/0");
}

TEST_CASE("every netmask without holes is its prefix, every other is refused") {
    for (int prefix = 0; prefix <= 32; ++prefix) {
        const std::uint32_t mask = prefix == 0 ? 0 : 0xFFFFFFFFU << (32 - prefix);
        const auto text = "0.0.0.0/" + IpAddress::v4(mask).text();
        CHECK(network(text).prefix() == prefix);
        for (int bit = 0; bit < 32; ++bit) {
            const std::uint32_t holed = mask ^ (1U << bit);
            const bool whole = std::countl_one(holed) + std::countr_zero(holed) == 32;
            CHECK(IpNetwork::parse("0.0.0.0/" + IpAddress::v4(holed).text()).has_value() == whole);
        }
    }
}
