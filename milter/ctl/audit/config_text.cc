// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/audit/config_text.hh"

#include "common/descriptor.hh"
#include "common/text.hh"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace sluice::ctl::audit {
namespace {

constexpr std::string_view blanks = " \t\r\n";
constexpr std::string_view separators = " \t\r\n,";

std::string systemError() {
    return std::generic_category().message(errno);
}

Result<std::string> readAll(int descriptor) {
    struct stat status {};
    if (::fstat(descriptor, &status) != 0)
        return fail("cannot be read: " + systemError());
    if (!S_ISREG(status.st_mode))
        return fail("is not a regular file");
    const auto size = static_cast<std::size_t>(status.st_size);
    std::string text(std::min(size, longestFile) + 1, '\0');
    std::size_t filled = 0;
    for (;;) {
        const ssize_t octets = ::read(descriptor, text.data() + filled, text.size() - filled);
        if (octets < 0 && errno != EINTR)
            return fail("cannot be read: " + systemError());
        if (octets > 0)
            filled += static_cast<std::size_t>(octets);
        if (octets == 0 || filled == text.size())
            break;
    }
    if (filled > longestFile)
        return fail(fmt::format("is longer than {} octets", longestFile));
    text.resize(filled);
    return text;
}

/// Where the item at the front of `text` ends.
std::size_t endOfItem(std::string_view text) {
    std::size_t depth = 0;
    bool quoted = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '"')
            quoted = !quoted;
        else if (c == '{' && !quoted)
            ++depth;
        else if (c == '}' && !quoted && depth > 0)
            --depth;
        else if (depth == 0 && !quoted && separators.find(c) != std::string_view::npos)
            return at;
    }
    return text.size();
}

std::optional<std::uint64_t> secondsOfUnit(char unit) {
    constexpr std::uint64_t minute = 60;
    constexpr std::uint64_t hour = 60 * minute;
    constexpr std::uint64_t day = 24 * hour;
    switch (lowerAscii(unit)) {
    case 's':
        return 1;
    case 'm':
        return minute;
    case 'h':
        return hour;
    case 'd':
        return day;
    case 'w':
        return 7 * day;
    default:
        return std::nullopt;
    }
}

} // namespace

Result<std::string> FileReader::read(const std::string& path) {
    if (++files_ > mostFiles)
        return fail(fmt::format("is not read: it would be more than {} files", mostFiles));
    // without O_NONBLOCK the opening of a pipe that nobody writes to would never return
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (file.get() < 0)
        return fail("cannot be opened: " + systemError());
    auto text = readAll(file.get());
    if (!text)
        return text;
    octets_ += text->size();
    if (octets_ > longestFilesTogether)
        return fail(fmt::format("is not read: all files together would be longer than {} octets",
                                longestFilesTogether));
    return text;
}

std::vector<LogicalLine> logicalLines(std::string_view text) {
    std::vector<LogicalLine> lines;
    std::size_t number = 0;
    for (const std::string_view line : split(text, '\n')) {
        ++number;
        const std::string_view seen = trim(line);
        if (seen.empty() || seen.front() == '#')
            continue;
        if (blanks.find(line.front()) == std::string_view::npos || lines.empty())
            lines.push_back({number, std::string(seen)});
        else
            lines.back().text.append(1, ' ').append(seen);
    }
    return lines;
}

std::vector<std::string> splitItems(std::string_view text) {
    std::vector<std::string> items;
    for (;;) {
        const std::size_t start = text.find_first_not_of(separators);
        if (start == std::string_view::npos)
            return items;
        text.remove_prefix(start);
        const std::size_t end = endOfItem(text);
        items.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
    }
}

std::string_view withoutBraces(std::string_view text) {
    text = trim(text);
    if (text.size() >= 2 && text.front() == '{' && text.back() == '}')
        text = trim(text.substr(1, text.size() - 2));
    return text;
}

KeyAndRest splitKey(std::string_view line) {
    line = trim(line);
    std::string key;
    bool quoted = false;
    std::size_t at = 0;
    for (; at < line.size(); ++at) {
        if (line[at] == '"')
            quoted = !quoted;
        else if (!quoted && blanks.find(line[at]) != std::string_view::npos)
            break;
        else
            key += line[at];
    }
    return {key, trim(line.substr(at))};
}

std::optional<std::chrono::seconds> parseMtaTime(std::string_view text) {
    constexpr std::uint64_t tenYears = std::uint64_t{10} * 366 * 24 * 3600;
    std::uint64_t sum = 0;
    text = trim(text);
    if (text.empty())
        return std::nullopt;
    while (!text.empty()) {
        const std::size_t digits = text.find_first_not_of("0123456789");
        const auto number = parseUnsigned(text.substr(0, digits));
        const bool alone = digits == std::string_view::npos;
        const auto unit = alone ? std::optional<std::uint64_t>(1) : secondsOfUnit(text[digits]);
        if (!number || !unit || *number > tenYears)
            return std::nullopt;
        sum += *number * *unit;
        if (sum > tenYears)
            return std::nullopt;
        text.remove_prefix(alone ? text.size() : digits + 1);
    }
    return std::chrono::seconds(sum);
}

} // namespace sluice::ctl::audit
