// SPDX-License-Identifier: BSD-2-Clause
#include "common/size.hh"

#include <doctest/doctest.h>

#include <string_view>

using namespace sluice;
using namespace std::string_view_literals;

TEST_CASE("what is no size is refused") {
    for (const auto text : {""sv,    " "sv,   "k"sv,    "G"sv,    "-1"sv,  "+1"sv,  "1 k"sv,
                            " 1k"sv, "1k "sv, "1K"sv,   "1m"sv,   "1g"sv,  "1T"sv,  "1kb"sv,
                            "1kk"sv, "1MG"sv, "1.5M"sv, "0x10"sv, "1e6"sv, "1k\0"sv}) {
        CAPTURE(text);
        const auto size = parseSize(text);
        REQUIRE_FALSE(size);
        CHECK(size.error().message.find("is no size") != std::string::npos);
    }
    CHECK(parseSize("1\x1B").error().message == "\"1\\x1B\" is no size (as 1500, 10k, 25M or 1G)");
}

TEST_CASE("what does not fit 64 bits is refused") {
    for (const auto text :
         {"18446744073709551616"sv, "99999999999999999999999k"sv, "18014398509481984k"sv,
          "17592186044416M"sv, "17179869184G"sv, "18446744073709551615G"sv}) {
        CAPTURE(text);
        const auto size = parseSize(text);
        REQUIRE_FALSE(size);
        CHECK(size.error().message.find("64 bits") != std::string::npos);
    }
}

TEST_CASE("sizes are read") {
    struct {
        std::string_view text;
        std::uint64_t octets;
    } const cases[] = {
        {"0", 0},
        {"0G", 0},
        {"1500", 1500},
        {"007", 7},
        {"10k", 10240},
        {"25M", 26214400},
        {"1G", 1073741824},
        {"18446744073709551615", 18446744073709551615ULL},
        {"17179869183G", 17179869183ULL << 30},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        REQUIRE(parseSize(one.text));
        CHECK(*parseSize(one.text) == one.octets);
    }
}

TEST_CASE("a size is written in the largest unit that it is a multiple of, and reads back") {
    struct {
        std::uint64_t octets;
        std::string_view text;
    } const cases[] = {
        {0, "0"},
        {1, "1"},
        {1023, "1023"},
        {1024, "1k"},
        {1025, "1025"},
        {1536, "1536"},
        {10 << 20, "10M"},
        {1536ULL << 20, "1536M"},
        {1ULL << 40, "1024G"},
        {18446744073709551615ULL, "18446744073709551615"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        CHECK(formatSize(one.octets) == one.text);
        CHECK(parseSize(one.text) == one.octets);
    }
}
