// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/report_days.hh"

#include <fmt/format.h>

#include <ctime>

namespace sluice::ctl {
namespace {

using Time = std::chrono::system_clock::time_point;

std::tm localTime(Time time) {
    const std::time_t seconds =
        std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
    std::tm local{};
    localtime_r(&seconds, &local);
    return local;
}

std::size_t clockQuarterAt(Time time) {
    const std::tm local = localTime(time);
    return static_cast<std::size_t>(local.tm_hour) * 4 +
           static_cast<std::size_t>(local.tm_min) / 15;
}

} // namespace

CivilDay operator+(CivilDay day, int days) {
    return CivilDay{static_cast<std::int32_t>(day) + days};
}

Time beginOf(CivilDay day) {
    const std::chrono::year_month_day date(
        std::chrono::sys_days(std::chrono::days(static_cast<std::int32_t>(day))));
    std::tm midnight{};
    midnight.tm_year = static_cast<int>(date.year()) - 1900;
    midnight.tm_mon = static_cast<int>(static_cast<unsigned>(date.month())) - 1;
    midnight.tm_mday = static_cast<int>(static_cast<unsigned>(date.day()));
    midnight.tm_isdst = -1;
    auto begin = std::chrono::system_clock::from_time_t(std::mktime(&midnight));
    // Where clocks are changed at midnight, it comes twice or not at all.
    while (localDay(begin) < day)
        begin += quarterHour;
    while (localDay(begin - quarterHour) >= day)
        begin -= quarterHour;
    return begin;
}

std::string clockText(Time time) {
    const std::tm local = localTime(time);
    return fmt::format("{:02}:{:02}", local.tm_hour, local.tm_min);
}

ReportDay::ReportDay(CivilDay day) : day_(day), range_{beginOf(day), beginOf(day + 1)} {
    for (Time quarter = range_.from; quarter < range_.until; quarter += quarterHour)
        clock_.push_back(clockQuarterAt(quarter));
}

std::optional<std::size_t> ReportDay::quarterOf(Time time) const {
    if (!range_.contains(time))
        return std::nullopt;
    return static_cast<std::size_t>((time - range_.from) / quarterHour);
}

std::string ReportDay::label(std::size_t quarter) const {
    return quarter >= quarters() ? "24:00" : clockText(beginOfQuarter(quarter));
}

} // namespace sluice::ctl
