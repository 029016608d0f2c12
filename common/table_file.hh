// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace sluice {

/// Calls `onLine(number, text)` for each line of the file that is not blank or a comment; the text
/// comes without its comment, numbers start at 1, CRLF line ends are taken as LF. The file is read
/// in pieces, so that a table of a million lines costs no copy of itself. Error: the file cannot be
/// opened or read (a directory, for instance), holds a NUL, or a line is longer than 64 KiB (both
/// named with the line); lines before it were already handed over.
Result<void> readTableFile(const std::string& path,
                           const std::function<void(std::size_t, std::string_view)>& onLine);

/// The path when `value` names a table: `@` and an absolute path. `@example.org` does not.
std::string_view tablePath(std::string_view value);

} // namespace sluice
