// SPDX-License-Identifier: BSD-2-Clause
#include "common/timestamp.hh"

#include "common/civil_day.hh"
#include "common/text.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <optional>

namespace sluice {
namespace {

/// Reads a text from its front.
class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}

    [[nodiscard]] bool take(char c) {
        if (!rest_.starts_with(c))
            return false;
        rest_.remove_prefix(1);
        return true;
    }
    /// Exactly so many digits, no larger a number than `most`.
    [[nodiscard]] std::optional<int> number(std::size_t digits, int most) {
        if (rest_.size() < digits)
            return std::nullopt;
        int value = 0;
        for (const char c : rest_.substr(0, digits)) {
            if (c < '0' || c > '9')
                return std::nullopt;
            value = value * 10 + (c - '0');
        }
        rest_.remove_prefix(digits);
        return value <= most ? std::optional(value) : std::nullopt;
    }
    [[nodiscard]] std::string_view digits() {
        const std::size_t end = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
        const std::string_view found = rest_.substr(0, end);
        rest_.remove_prefix(end);
        return found;
    }
    [[nodiscard]] bool atEnd() const { return rest_.empty(); }

private:
    std::string_view rest_;
};

std::optional<std::chrono::milliseconds> fraction(Reader& reader) {
    if (!reader.take('.'))
        return std::chrono::milliseconds{0};
    const std::string_view digits = reader.digits();
    if (digits.empty() || digits.size() > 9)
        return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < 3; ++i)
        value = value * 10 + (i < digits.size() ? digits[i] - '0' : 0);
    return std::chrono::milliseconds{value};
}

/// How far the clock on the wall is ahead of UTC.
std::optional<std::chrono::minutes> offset(Reader& reader) {
    if (reader.take('Z'))
        return std::chrono::minutes{0};
    const bool west = reader.take('-');
    if (!west && !reader.take('+'))
        return std::nullopt;
    const auto hours = reader.number(2, 23);
    if (!hours || !reader.take(':'))
        return std::nullopt;
    const auto minutes = reader.number(2, 59);
    if (!minutes)
        return std::nullopt;
    const std::chrono::minutes ahead{*hours * 60 + *minutes};
    return west ? -ahead : ahead;
}

std::optional<std::chrono::system_clock::time_point> parse(std::string_view text) {
    using namespace std::chrono;
    constexpr std::size_t dayLength = 10;
    constexpr CivilDay lastDay{100'000}; // in 2243; the clock counts nanoseconds, to 2262
    if (text.size() <= dayLength)
        return std::nullopt;
    const auto day = parseCivilDay(text.substr(0, dayLength));
    Reader reader(text.substr(dayLength));
    if (!day || *day < CivilDay{} || *day > lastDay || !reader.take('T'))
        return std::nullopt;
    const auto hour = reader.number(2, 23);
    if (!hour || !reader.take(':'))
        return std::nullopt;
    const auto minute = reader.number(2, 59);
    if (!minute || !reader.take(':'))
        return std::nullopt;
    const auto second = reader.number(2, 60); // a leap second
    if (!second)
        return std::nullopt;
    const auto parts = fraction(reader);
    const auto ahead = parts ? offset(reader) : std::nullopt;
    if (!ahead || !reader.atEnd())
        return std::nullopt;
    return system_clock::time_point{} + hours{24} * static_cast<int>(*day) + hours{*hour} +
           minutes{*minute} + seconds{*second} + *parts - *ahead;
}

} // namespace

Result<std::chrono::system_clock::time_point> parseTimestamp(std::string_view text) {
    const auto time = parse(text);
    if (!time)
        return fail(quoteForDisplay(text) + " is no time like 2026-01-31T13:05:09+01:00");
    return *time;
}

std::string formatTimestamp(std::chrono::system_clock::time_point time) {
    using namespace std::chrono;
    const auto second = floor<seconds>(time);
    const std::time_t clock = system_clock::to_time_t(second);
    std::tm local{};
    localtime_r(&clock, &local);
    const long minutesEast = local.tm_gmtoff / 60;
    return fmt::format(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}{}{:02}:{:02}", local.tm_year + 1900,
        local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec,
        duration_cast<milliseconds>(time - second).count(), minutesEast < 0 ? '-' : '+',
        std::abs(minutesEast) / 60, std::abs(minutesEast) % 60);
}

} // namespace sluice
