// SPDX-License-Identifier: BSD-2-Clause
#include "common/civil_day.hh"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

using namespace sluice;
using namespace std::string_view_literals;

namespace {

/// Another time zone for the life of the object.
class TimeZone {
public:
    explicit TimeZone(const char* name) {
        if (const char* before = std::getenv("TZ"))
            before_ = before;
        set(name);
    }
    ~TimeZone() { set(before_ ? before_->c_str() : nullptr); }
    TimeZone(const TimeZone&) = delete;
    TimeZone& operator=(const TimeZone&) = delete;

private:
    static void set(const char* name) {
        if (name != nullptr)
            setenv("TZ", name, 1);
        else
            unsetenv("TZ");
        tzset();
    }
    std::optional<std::string> before_;
};

std::chrono::system_clock::time_point utc(int year, unsigned month, unsigned day, int hour,
                                          int minute) {
    using namespace std::chrono;
    return sys_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)) +
           hours(hour) + minutes(minute);
}

} // namespace

TEST_CASE("what is no date is refused") {
    for (const auto text :
         {""sv, "2026"sv, "2026-12"sv, "2026-1-1"sv, "26-12-31"sv, "2026-12-311"sv, "2026/12/31"sv,
          "31.12.2026"sv, "2026-12-3x"sv, "+026-12-31"sv, "-026-12-31"sv, "2026-12-31 "sv,
          " 2026-12-31"sv, "2026-12- 1"sv, "20261231"sv, "2026-12-31T00:00"sv, "2026-12\0-1"sv}) {
        CAPTURE(text);
        const auto day = parseCivilDay(text);
        REQUIRE_FALSE(day);
        CHECK(day.error().message.find("is no date") != std::string::npos);
    }
}

TEST_CASE("a day that the calendar does not have is refused") {
    for (const auto text :
         {"2026-00-01"sv, "2026-13-01"sv, "2026-01-00"sv, "2026-01-32"sv, "2026-04-31"sv,
          "2026-02-29"sv, "1900-02-29"sv, "2024-02-30"sv, "2026-99-99"sv}) {
        CAPTURE(text);
        const auto day = parseCivilDay(text);
        REQUIRE_FALSE(day);
        CHECK(day.error().message.find("no day of the calendar") != std::string::npos);
    }
}

TEST_CASE("a date is a number of days and reads back") {
    struct {
        std::string_view text;
        std::int32_t days;
    } const cases[] = {
        {"1970-01-01", 0},     {"1969-12-31", -1},      {"1970-01-02", 1},
        {"2000-02-29", 11016}, {"2024-02-29", 19782},   {"2026-12-31", 20818},
        {"2027-01-01", 20819}, {"9999-12-31", 2932896}, {"0001-01-01", -719162},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        REQUIRE(parseCivilDay(one.text));
        CHECK(*parseCivilDay(one.text) == CivilDay{one.days});
        CHECK(formatCivilDay(CivilDay{one.days}) == one.text);
    }
}

TEST_CASE("the local day is the one on the wall") {
    struct {
        const char* zone;
        std::chrono::system_clock::time_point time;
        std::string_view day;
    } const cases[] = {
        {"UTC0", utc(2026, 12, 31, 23, 59), "2026-12-31"},
        {"UTC0", utc(2027, 1, 1, 0, 0), "2027-01-01"},
        {"EAST-14", utc(2026, 12, 31, 9, 59), "2026-12-31"},
        {"EAST-14", utc(2026, 12, 31, 10, 0), "2027-01-01"},
        {"WEST12", utc(2027, 1, 1, 11, 59), "2026-12-31"},
        {"WEST12", utc(2027, 1, 1, 12, 0), "2027-01-01"},
        // summer time: the night is an hour shorter
        {"CET-1CEST,M3.5.0,M10.5.0/3", utc(2026, 7, 1, 21, 59), "2026-07-01"},
        {"CET-1CEST,M3.5.0,M10.5.0/3", utc(2026, 7, 1, 22, 0), "2026-07-02"},
        {"CET-1CEST,M3.5.0,M10.5.0/3", utc(2026, 1, 1, 22, 0), "2026-01-01"},
        {"UTC0", utc(1969, 12, 31, 23, 59), "1969-12-31"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.zone);
        CAPTURE(one.day);
        const TimeZone zone(one.zone);
        CHECK(formatCivilDay(localDay(one.time)) == one.day);
    }
}

TEST_CASE("a moment before the epoch belongs to the day before") {
    const TimeZone zone("UTC0");
    const std::chrono::system_clock::time_point epoch{};
    CHECK(localDay(epoch) == CivilDay{0});
    CHECK(localDay(epoch - std::chrono::milliseconds(1)) == CivilDay{-1});
}
