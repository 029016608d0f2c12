// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

/// Lines over a non-blocking socket, each within a deadline.
namespace sluice {

/// Up to the first LF, which is left out; what the other side sends behind it is lost. Error: the
/// time is over, the line is longer than `most`, the other side ended in the middle of it.
Result<std::string> readLine(int socket, std::size_t most, std::chrono::milliseconds patience);

/// Error: the time is over, or the other side is gone.
Result<void> writeAll(int socket, std::string_view text, std::chrono::milliseconds patience);

} // namespace sluice
