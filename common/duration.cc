// SPDX-License-Identifier: BSD-2-Clause
#include "common/duration.hh"

#include "common/text.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>

namespace sluice {

namespace {

struct Unit {
    std::string_view name;
    std::uint64_t milliseconds;
};
/// Falling, as they stand in a duration.
constexpr std::array<Unit, 5> units{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

constexpr std::uint64_t longestDuration =
    std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::years(10)).count();

constexpr std::string_view digits = "0123456789";

/// Takes all octets at the front of `text` that are digits, or all that are not.
std::string_view takeWhile(std::string_view& text, bool digit) {
    const std::size_t end = digit ? text.find_first_not_of(digits) : text.find_first_of(digits);
    const std::string_view taken = text.substr(0, end);
    text.remove_prefix(taken.size());
    return taken;
}

/// The sum, or nullopt when it is longer than a duration may be.
std::optional<std::uint64_t> addBounded(std::uint64_t total, std::uint64_t count,
                                        std::uint64_t unit) {
    if (count > (longestDuration - total) / unit)
        return std::nullopt;
    return total + count * unit;
}

tl::unexpected<Error> noDuration(std::string_view text) {
    return fail(quoteForDisplay(text) + " is no duration (as 250ms, 2s, 10m, 1h30m or 30d)");
}

tl::unexpected<Error> tooLong(std::string_view text) {
    return fail(quoteForDisplay(text) + " is longer than ten years");
}

bool isTooBig(std::string_view number) {
    return !number.empty() && !parseUnsigned(number);
}

std::string inFallingUnits(std::uint64_t milliseconds) {
    std::string text;
    for (const Unit& unit : units) {
        if (milliseconds >= unit.milliseconds)
            fmt::format_to(std::back_inserter(text), "{}{}", milliseconds / unit.milliseconds,
                           unit.name);
        milliseconds %= unit.milliseconds;
    }
    return text;
}

std::string inOneUnit(std::uint64_t milliseconds) {
    const auto unit = std::find_if(units.begin(), units.end(), [milliseconds](const Unit& u) {
        return milliseconds % u.milliseconds == 0;
    });
    return fmt::format("{}{}", milliseconds / unit->milliseconds, unit->name);
}

} // namespace

Result<std::chrono::milliseconds> parseDuration(std::string_view text) {
    if (text == "0")
        return std::chrono::milliseconds(0);
    if (text.empty())
        return noDuration(text);
    std::uint64_t total = 0;
    auto allowed = units.begin();
    for (std::string_view rest = text; !rest.empty();) {
        const std::string_view number = takeWhile(rest, true);
        const std::string_view name = takeWhile(rest, false);
        const auto unit =
            std::find_if(allowed, units.end(), [name](const Unit& u) { return u.name == name; });
        if (number.empty() || unit == units.end())
            return noDuration(text);
        if (isTooBig(number))
            return tooLong(text);
        const auto sum = addBounded(total, *parseUnsigned(number), unit->milliseconds);
        if (!sum)
            return tooLong(text);
        total = *sum;
        allowed = unit + 1;
    }
    return std::chrono::milliseconds(total);
}

std::string formatDuration(std::chrono::milliseconds duration) {
    const bool negative = duration.count() < 0;
    const auto bits = static_cast<std::uint64_t>(duration.count());
    const std::uint64_t magnitude = negative ? 0 - bits : bits;
    if (magnitude == 0)
        return "0";
    const std::string one = inOneUnit(magnitude);
    const std::string falling = inFallingUnits(magnitude);
    return (negative ? "-" : "") + (falling.size() < one.size() ? falling : one);
}

} // namespace sluice
