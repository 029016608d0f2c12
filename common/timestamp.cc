// SPDX-License-Identifier: BSD-2-Clause
#include "common/timestamp.hh"

#include <fmt/format.h>

#include <cstdlib>
#include <ctime>

namespace sluice {

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
