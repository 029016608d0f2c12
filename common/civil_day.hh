// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

/// A date of the local calendar, as the number of days since 1970-01-01.
enum class CivilDay : std::int32_t {};

/// "2026-12-31". Error: another form, or a day that does not exist.
Result<CivilDay> parseCivilDay(std::string_view text);

std::string formatCivilDay(CivilDay day);

/// The day that a clock on the wall of this machine shows. Not cheap: it asks the time zone data.
CivilDay localDay(std::chrono::system_clock::time_point time);

} // namespace sluice
