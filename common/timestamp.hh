// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <chrono>
#include <string>
#include <string_view>

namespace sluice {

/// "2026-01-31T13:05:09.123+01:00": RFC 3339 section 5.6, in the local time of this machine.
std::string formatTimestamp(std::chrono::system_clock::time_point time);

/// The same form with any offset or `Z` and up to nine digits of a second, of which those behind
/// the milliseconds are dropped. Error: another form, or a day that does not exist
/// or is not in the years from 1970 to 2243.
Result<std::chrono::system_clock::time_point> parseTimestamp(std::string_view text);

} // namespace sluice
