// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <chrono>
#include <string_view>

namespace sluice::ctl {

/// A point in time as an operator writes it: `2h` (so long before `now`), `2026-11-23` (the
/// beginning of that day), `2026-11-23T14:05` or `2026-11-23T14:05:30`, by the clock of this
/// machine's time zone. Error: anything else, a time that does not exist.
Result<std::chrono::system_clock::time_point>
parseTimeWord(std::string_view text, std::chrono::system_clock::time_point now);

} // namespace sluice::ctl
