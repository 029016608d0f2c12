// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/dnsbl_match.hh"
#include "test/support/capture_value.hh"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
namespace {

constexpr DnsblCode loopback = 0x7f000000;

std::vector<unsigned> matchingLastOctets(std::string_view form) {
    const auto match = DnsblMatch::parse(form);
    REQUIRE_MESSAGE(match, std::string(form));
    std::vector<unsigned> octets;
    for (unsigned octet = 0; octet < 16; ++octet)
        if (match->matches(loopback | octet))
            octets.push_back(octet);
    return octets;
}

TEST_CASE("a match that can mean nothing is refused, and the message has the value") {
    struct Row {
        std::string_view form;
        std::string_view message;
    };
    for (const auto& [form, message] : std::vector<Row>{
             {"", "none of any"},
             {"all", "\"all\" is none of any"},
             {"any:", "none of any"},
             {"Any", "none of any"},
             {"mask", "is no code"},
             {"mask:", "is no code"},
             {"mask:6", "is no code"},
             {"mask:0.0.0.256", "\"0.0.0.256\" is no code"},
             {"mask:::6", "is no code"},
             {"mask:::ffff:0.0.0.6", "is no code"},
             {"mask:0.0.0.0", "no bit in its last three octets"},
             {"mask:127.0.0.0", "no bit in its last three octets"},
             {"anybit:255.0.0.0", "no bit in its last three octets"},
             {"codes:", "is no code"},
             {"codes:127.0.0.2,", "is no code"},
             {"codes:127.0.0.9-127.0.0.4", "the wrong way round"},
             {"codes:127.0.0.2-", "is no code"},
             {"codes:127.0.0.2-127.0.0.4-127.0.0.6", "is no code"},
             {"codes:127.0.0.2,10.0.0.1", "never a listing"},
             {"codes:127.255.255.254", "never a listing"},
             {"codes:128.0.0.0-255.0.0.0", "never a listing"},
             {"sum:", "is no sum"},
             {"sum:3", "is no sum"},
             {"sum:/2,3", "is no category"},
             {"sum:3/", "is no category"},
             {"sum:5/2,3,4", "category 5 is not among"},
             {"sum:3/2,3,3", "category 3 is given twice"},
             {"sum:3/0,3", "\"0\" is no category"},
             {"sum:3/3,256", "\"256\" is no category"},
             {"sum:3/3,-1", "is no category"},
             {"sum:3/3,18446744073709551617", "is no category"},
             {"sum:1/1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "more than 16"},
         }) {
        CAPTURE_VALUE(form);
        const auto match = DnsblMatch::parse(form);
        REQUIRE_FALSE(match);
        CHECK_MESSAGE(match.error().message.find(message) != std::string::npos,
                      match.error().message);
    }
}

TEST_CASE("which last octets a form matches") {
    struct Row {
        std::string_view form;
        std::vector<unsigned> octets;
    };
    for (const auto& [form, octets] : std::vector<Row>{
             {"any", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}},
             {"mask:0.0.0.6", {6, 7, 14, 15}},
             {"mask:127.0.0.6", {6, 7, 14, 15}}, // the first octet takes no part
             {"mask:0.0.1.2", {}},
             {"anybit:0.0.0.6", {2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15}},
             {"codes:127.0.0.2,127.0.0.4-127.0.0.7", {2, 4, 5, 6, 7}},
             {"codes:0.0.0.0-127.0.0.3", {0, 1, 2, 3}},
             // 2, 3, 4 add up to 2 3 4 5 6 7 9; 6 is 2+4 alone, and 8 no sum at all
             {"sum:3/2,3,4", {3, 5, 7, 9}},
             {"sum:2/2,3,4", {2, 5, 6, 9}},
             // 5 is 5, and also 2+3
             {"sum:5/2,3,5", {7, 8, 10}},
             {"sum:1/1", {1}},
             {"sum:255/255,1", {}},
         }) {
        CAPTURE_VALUE(form);
        CHECK(matchingLastOctets(form) == octets);
    }
}

TEST_CASE("sums end at 255 and 16 categories are allowed") {
    const auto high = DnsblMatch::parse("sum:255/255,1");
    REQUIRE(high);
    CHECK(high->matches(0x7f0000ff));
    CHECK_FALSE(high->matches(0x7f000000)); // 256 does not wrap
    CHECK(DnsblMatch::parse("sum:1/1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16"));
}

TEST_CASE("a mask looks at the middle octets, a sum at the last alone") {
    CHECK(DnsblMatch::parse("mask:0.1.0.2")->matches(0x7f010002));
    CHECK_FALSE(DnsblMatch::parse("mask:0.1.0.2")->matches(0x7f000002));
    CHECK(DnsblMatch::parse("anybit:0.1.0.2")->matches(0x7f010000));
    CHECK(DnsblMatch::parse("sum:3/2,3,4")->matches(0x7f000103));
}

TEST_CASE("what the provider answers as an error is no listing") {
    for (const DnsblCode error : {0x00000000U, 0x0a000002U, 0x7effffffU, 0x7fffff00U, 0x7ffffffeU,
                                  0x7fffffffU, 0x80000000U, 0xffffffffU}) {
        CAPTURE(dnsblCodeText(error));
        CHECK(isProviderError(error));
    }
    for (const DnsblCode listing : {0x7f000000U, 0x7f000002U, 0x7ffffeffU}) {
        CAPTURE(dnsblCodeText(listing));
        CHECK_FALSE(isProviderError(listing));
    }
}

TEST_CASE("listings are what is left without errors") {
    const DnsblAnswer answer{DnsblAnswer::Status::answered,
                             {0x7f000002, 0x7ffffffe, 0x7f000009, 0xc0000201}};
    CHECK(listingCodes(answer, {}) == std::vector<DnsblCode>{0x7f000002, 0x7f000009});
    CHECK(listingCodes(answer, {{0x7f000008, 0x7f00000a}}) == std::vector<DnsblCode>{0x7f000002});
    CHECK(listingCodes({DnsblAnswer::Status::notListed, {}}, {}).empty());
    CHECK(dnsblCodeText(0x7f00000b) == "127.0.0.11");
}

} // namespace
} // namespace sluice
