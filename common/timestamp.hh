// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <chrono>
#include <string>

namespace sluice {

/// "2026-01-31T13:05:09.123+01:00": RFC 3339 section 5.6, in the local time of this machine.
std::string formatTimestamp(std::chrono::system_clock::time_point time);

} // namespace sluice
