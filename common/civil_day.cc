// SPDX-License-Identifier: BSD-2-Clause
#include "common/civil_day.hh"

#include "common/text.hh"

#include <fmt/format.h>

#include <cstddef>
#include <ctime>

namespace sluice {

namespace {

constexpr std::string_view form = "dddd-dd-dd";

bool hasForm(std::string_view text) {
    if (text.size() != form.size())
        return false;
    for (std::size_t at = 0; at < form.size(); ++at) {
        const bool digit = text[at] >= '0' && text[at] <= '9';
        if (form[at] == 'd' ? !digit : text[at] != form[at])
            return false;
    }
    return true;
}

unsigned number(std::string_view digits) {
    return static_cast<unsigned>(parseUnsigned(digits).value_or(0));
}

CivilDay fromSysDays(std::chrono::sys_days days) {
    return CivilDay{static_cast<std::int32_t>(days.time_since_epoch().count())};
}

} // namespace

Result<CivilDay> parseCivilDay(std::string_view text) {
    if (!hasForm(text))
        return fail(quoteForDisplay(text) + " is no date (as 2026-12-31)");
    const std::chrono::year_month_day date(
        std::chrono::year(static_cast<int>(number(text.substr(0, 4)))),
        std::chrono::month(number(text.substr(5, 2))), std::chrono::day(number(text.substr(8, 2))));
    if (!date.ok())
        return fail(quoteForDisplay(text) + " is no day of the calendar");
    return fromSysDays(date);
}

std::string formatCivilDay(CivilDay day) {
    const std::chrono::year_month_day date(
        std::chrono::sys_days(std::chrono::days(static_cast<std::int32_t>(day))));
    return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

CivilDay localDay(std::chrono::system_clock::time_point time) {
    const std::time_t seconds =
        std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
    std::tm local{};
    if (localtime_r(&seconds, &local) == nullptr)
        return fromSysDays(std::chrono::floor<std::chrono::days>(time));
    return fromSysDays(
        std::chrono::year_month_day(std::chrono::year(local.tm_year + 1900),
                                    std::chrono::month(static_cast<unsigned>(local.tm_mon + 1)),
                                    std::chrono::day(static_cast<unsigned>(local.tm_mday))));
}

} // namespace sluice
