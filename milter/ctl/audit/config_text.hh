// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The files of an MTA: reading them within bounds, and the lexical rules that they share.
namespace sluice::ctl::audit {

constexpr std::size_t longestFile = std::size_t{16} << 20;
constexpr std::size_t longestFilesTogether = std::size_t{64} << 20;
constexpr std::size_t mostFiles = 2000;

/// Reads files, not more of them than anyone can mean. One thread.
class FileReader {
public:
    /// Error: not a regular file, cannot be read, or beyond one of the limits; without the name.
    Result<std::string> read(const std::string& path);

private:
    std::size_t files_ = 0;
    std::size_t octets_ = 0;
};

/// A line with those that continue it, which begin with a blank.
struct LogicalLine {
    std::size_t number = 0; ///< of its first line, from 1
    std::string text;
};

/// Blank lines and lines whose first visible character is `#` are left out, also between a line and
/// what continues it.
std::vector<LogicalLine> logicalLines(std::string_view text);

/// The parts between commas and blanks. What stands in `{…}` or `"…"` is one part, braces and
/// quotes included; empty parts are left out.
std::vector<std::string> splitItems(std::string_view text);

/// The text without one pair of braces around it, and without blanks at its ends.
std::string_view withoutBraces(std::string_view text);

/// The first word, and what follows it.
struct KeyAndRest {
    std::string key; ///< without its quotes
    std::string_view rest;
};
KeyAndRest splitKey(std::string_view line);

/// A span of time as both MTAs write it: "30s", "5m", "1h30m", "2d", "1w"; a number alone is in
/// seconds. nullopt: another form, or more than ten years.
std::optional<std::chrono::seconds> parseMtaTime(std::string_view text);

} // namespace sluice::ctl::audit
