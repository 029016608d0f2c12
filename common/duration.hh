// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <chrono>
#include <string>
#include <string_view>

namespace sluice {

/// "250ms", "2s", "10m", "1h", "30d", or several in falling units ("1h30m"); "0" needs no unit.
/// Error: anything else, a missing unit, or more than ten years.
Result<std::chrono::milliseconds> parseDuration(std::string_view text);

/// The shortest text that parseDuration() reads back.
std::string formatDuration(std::chrono::milliseconds duration);

} // namespace sluice
