// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/time_words.hh"

#include "common/civil_day.hh"
#include "common/duration.hh"
#include "common/text.hh"

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>

namespace sluice::ctl {
namespace {

using std::chrono::system_clock;

constexpr std::size_t dayLength = std::string_view("2026-11-23").size();
constexpr std::size_t minuteLength = std::string_view("14:05").size();
constexpr std::size_t secondLength = std::string_view("14:05:30").size();

/// Two digits that are at most `most`.
std::optional<int> pair(std::string_view digits, int most) {
    const auto number = parseUnsigned(digits);
    if (digits.size() != 2 || !number || *number > static_cast<std::uint64_t>(most))
        return std::nullopt;
    return static_cast<int>(*number);
}

/// `14:05` or `14:05:30`.
bool readClock(std::string_view text, std::tm& time) {
    constexpr int lastHour = 23;
    constexpr int last = 59;
    const bool withSeconds = text.size() == secondLength;
    if ((!withSeconds && text.size() != minuteLength) || text[2] != ':' ||
        (withSeconds && text[minuteLength] != ':'))
        return false;
    const auto hour = pair(text.substr(0, 2), lastHour);
    const auto minute = pair(text.substr(3, 2), last);
    const auto second = withSeconds ? pair(text.substr(minuteLength + 1), last) : std::optional(0);
    if (!hour || !minute || !second)
        return false;
    time.tm_hour = *hour;
    time.tm_min = *minute;
    time.tm_sec = *second;
    return true;
}

int numberIn(std::string_view text, std::size_t from, std::size_t length) {
    return static_cast<int>(parseUnsigned(text.substr(from, length)).value_or(0));
}

std::optional<std::tm> readLocalTime(std::string_view text) {
    constexpr int firstYear = 1900;
    constexpr CivilDay lastDay{100'000}; // in 2243; the clock counts nanoseconds, to 2262
    const auto day = parseCivilDay(text.substr(0, dayLength));
    if (text.size() < dayLength || !day || *day < CivilDay{} || *day > lastDay)
        return std::nullopt;
    std::tm time{};
    time.tm_year = numberIn(text, 0, 4) - firstYear;
    time.tm_mon = numberIn(text, 5, 2) - 1;
    time.tm_mday = numberIn(text, 8, 2);
    time.tm_isdst = -1;
    const std::string_view rest = text.substr(dayLength);
    const bool good = rest.empty() || ((rest.front() == 'T' || rest.front() == ' ') &&
                                       readClock(rest.substr(1), time));
    return good ? std::optional(time) : std::nullopt;
}

} // namespace

Result<system_clock::time_point> parseTimeWord(std::string_view text,
                                               system_clock::time_point now) {
    if (const auto ago = parseDuration(text))
        return now - *ago;
    auto local = readLocalTime(text);
    const std::time_t time = local ? std::mktime(&*local) : -1;
    if (time == -1)
        return fail(quoteForDisplay(text) +
                    " is no time: 2h (ago), 2026-11-23 or 2026-11-23T14:05 are");
    return system_clock::from_time_t(time);
}

} // namespace sluice::ctl
