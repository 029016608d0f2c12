// SPDX-License-Identifier: BSD-2-Clause
#include "common/duration.hh"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string_view>

using namespace sluice;
using namespace std::chrono_literals;
using namespace std::string_view_literals;
using std::chrono::milliseconds;

constexpr milliseconds day = 24h;

TEST_CASE("what is no duration is refused") {
    for (const auto text :
         {""sv,     " "sv,   "1"sv,    "00"sv,   "s"sv,    "h1"sv,       "1 s"sv,
          " 1s"sv,  "1s "sv, "-1s"sv,  "+1s"sv,  "1.5h"sv, "1S"sv,       "1M"sv,
          "1w"sv,   "1y"sv,  "1sec"sv, "1us"sv,  "1s1h"sv, "1h1h"sv,     "1ms1s"sv,
          "1h30"sv, "1hm"sv, "1s\0"sv, "0x1s"sv, "1e3s"sv, "\xD9\xA1s"sv}) {
        CAPTURE(text);
        const auto duration = parseDuration(text);
        REQUIRE_FALSE(duration);
        CHECK(duration.error().message.find("is no duration") != std::string::npos);
    }
    CHECK(parseDuration("1\n").error().message ==
          "\"1\\x0A\" is no duration (as 250ms, 2s, 10m, 1h30m or 30d)");
}

TEST_CASE("what is longer than ten years is refused, whatever its unit") {
    for (const auto text :
         {"3653d"sv, "87660h"sv, "315569521s"sv, "315569520001ms"sv, "3652d10h12m1ms"sv,
          "18446744073709551615ms"sv, "18446744073709551615d"sv, "18446744073709551616ms"sv,
          "213503982335d"sv, "5124095576031h"sv, "99999999999999999999999999999s"sv}) {
        CAPTURE(text);
        const auto duration = parseDuration(text);
        REQUIRE_FALSE(duration);
        CHECK(duration.error().message.find("longer than ten years") != std::string::npos);
    }
}

TEST_CASE("durations are read") {
    struct {
        std::string_view text;
        milliseconds duration;
    } const cases[] = {
        {"0", 0ms},
        {"0s", 0ms},
        {"0d0ms", 0ms},
        {"250ms", 250ms},
        {"2s", 2s},
        {"10m", 10min},
        {"1h", 1h},
        {"30d", 30 * day},
        {"1h30m", 90min},
        {"1d1ms", day + 1ms},
        {"90s", 90s},
        {"007s", 7s},
        {"3652d", 3652 * day},
        {"315569520s", 315569520s},
        {"1d2h3m4s5ms", 26h + 3min + 4s + 5ms},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        REQUIRE(parseDuration(one.text));
        CHECK(*parseDuration(one.text) == one.duration);
    }
}

TEST_CASE("a duration is written shortly and reads back") {
    struct {
        milliseconds duration;
        std::string_view text;
    } const cases[] = {
        {0ms, "0"},           {1ms, "1ms"},          {999ms, "999ms"},
        {1s, "1s"},           {1500ms, "1500ms"},    {1010ms, "1010ms"},
        {1001ms, "1s1ms"},    {90s, "90s"},          {1h, "1h"},
        {90min, "90m"},       {36h, "36h"},          {48h, "2d"},
        {day + 1ms, "1d1ms"}, {30 * day, "30d"},     {7 * day, "7d"},
        {day + 1h, "25h"},    {3652 * day, "3652d"}, {100h + 1s, "4d4h1s"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        CHECK(formatDuration(one.duration) == one.text);
        CHECK(parseDuration(one.text) == one.duration);
    }
}

TEST_CASE("what parseDuration() cannot have made is written all the same") {
    CHECK(formatDuration(-90s) == "-90s");
    CHECK(formatDuration(milliseconds(std::numeric_limits<std::int64_t>::min())).front() == '-');
    CHECK(formatDuration(milliseconds(std::numeric_limits<std::int64_t>::max())) ==
          "9223372036854775807ms");
}
