// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Small operations on text. ASCII only: protocol keywords never depend on the locale.
namespace sluice {

constexpr char lowerAscii(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
std::string toLowerAscii(std::string_view text);
bool equalsIgnoringCase(std::string_view a, std::string_view b);

/// Without blanks, tabs, CR and LF at both ends.
std::string_view trim(std::string_view text);

/// The parts between separators, empty ones included; an empty text is one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);

/// Decimal digits only, no sign, no blanks, nothing behind; nullopt when it is not that or does not
/// fit.
std::optional<std::uint64_t> parseUnsigned(std::string_view digits);

/// Sorted, each once, one a line.
std::string sortedLines(std::vector<std::string> lines);

/// The one place where text from outside is made fit for a log line or a terminal: control
/// characters (C1 and those that turn the direction of writing or are invisible among them), the
/// backslash and bytes that are not UTF-8 become \xHH, and no more than `limit` octets of the input
/// are shown ("…" marks the cut, which splits no character).
std::string escapeForDisplay(std::string_view untrusted, std::size_t limit = 512);

/// The same in `"`, for the value that an error message is about.
std::string quoteForDisplay(std::string_view untrusted);

} // namespace sluice
