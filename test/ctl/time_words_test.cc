// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/time_words.hh"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>

using namespace sluice;
using std::chrono::system_clock;

namespace {

const system_clock::time_point now{std::chrono::seconds(1'800'000'000)};

std::int64_t secondsOf(std::string_view text) {
    const auto time = ctl::parseTimeWord(text, now);
    REQUIRE_MESSAGE(time, time.error().message);
    return system_clock::to_time_t(*time);
}

/// The time zone of this process, until it goes.
class Zone {
public:
    explicit Zone(const char* zone) {
        ::setenv("TZ", zone, 1);
        ::tzset();
    }
    ~Zone() {
        ::unsetenv("TZ");
        ::tzset();
    }
    Zone(const Zone&) = delete;
    Zone& operator=(const Zone&) = delete;
};

} // namespace

TEST_CASE("time words: what is none") {
    for (const char* const text : {"",
                                   "yesterday",
                                   "2h ago",
                                   "-2h",
                                   "2",
                                   "2026-11",
                                   "2026-02-30",
                                   "2026-11-23T",
                                   "2026-11-23T1",
                                   "2026-11-23T24:00",
                                   "2026-11-23T14:60",
                                   "2026-11-23T14:05:60",
                                   "2026-11-23T14.05",
                                   "2026-11-23T14:05:",
                                   "2026-11-23T14:05:30Z",
                                   "2026-11-23_14:05",
                                   "2026-11-23T+1:05",
                                   "2026-11-23T14:05 ",
                                   " 2026-11-23",
                                   "\x1b"}) {
        CAPTURE(text);
        CHECK(!ctl::parseTimeWord(text, now));
    }
    CHECK(ctl::parseTimeWord("\x1b", now).error().message.starts_with("\"\\x1B\" is no time: "));
}

TEST_CASE("time words: durations and local times") {
    const Zone zone("XXX-2");
    CHECK(secondsOf("0") == 1'800'000'000);
    CHECK(secondsOf("1h30m") == 1'800'000'000 - 5400);
    CHECK(secondsOf("1970-01-02") == 86'400 - 7200);
    CHECK(secondsOf("1970-01-02T02:01") == 86'460);
    CHECK(secondsOf("1970-01-02 02:01:05") == 86'465);
    CHECK(secondsOf("2026-11-23T14:05") == 1'795'435'500);
}
