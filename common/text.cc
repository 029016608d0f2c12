// SPDX-License-Identifier: BSD-2-Clause
#include "common/text.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <iterator>
#include <system_error>
#include <utility>

namespace sluice {

namespace {

constexpr std::string_view blanks = " \t\r\n";

struct CodePoint {
    char32_t value;
    std::size_t octets;
};

/// The shapes of a UTF-8 sequence (RFC 3629 section 3).
struct Utf8Form {
    unsigned char leadMask;
    unsigned char lead;
    std::size_t octets;
    char32_t smallest; // anything below is an overlong form
};
constexpr std::array<Utf8Form, 4> utf8Forms{{
    {0x80, 0x00, 1, 0x0},
    {0xE0, 0xC0, 2, 0x80},
    {0xF0, 0xE0, 3, 0x800},
    {0xF8, 0xF0, 4, 0x10000},
}};

struct CodeRange {
    char32_t first;
    char32_t last;
};
/// What moves the cursor, turns the direction of writing or cannot be seen.
constexpr std::array<CodeRange, 10> deceptive{{
    {0x0, 0x1F},
    {'\\', '\\'}, // it introduces what is escaped
    {0x7F, 0x9F},
    {0x61C, 0x61C},
    {0x200B, 0x200F},
    {0x2028, 0x202E},
    {0x2060, 0x206F},
    {0xFEFF, 0xFEFF},
    {0xFFF9, 0xFFFB},
    {0xE0000, 0xE0FFF},
}};

unsigned char octet(char c) {
    return static_cast<unsigned char>(c);
}

bool isUnicode(char32_t value) {
    return value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
}

std::optional<CodePoint> readTail(const Utf8Form& form, std::string_view text) {
    if (text.size() < form.octets)
        return std::nullopt;
    auto value = static_cast<char32_t>(octet(text[0]) & ~form.leadMask & 0xFF);
    for (const char c : text.substr(1, form.octets - 1)) {
        if ((octet(c) & 0xC0) != 0x80)
            return std::nullopt;
        value = (value << 6) | (octet(c) & 0x3F);
    }
    if (value < form.smallest || !isUnicode(value))
        return std::nullopt;
    return CodePoint{value, form.octets};
}

/// `text` is not empty; nullopt when it does not begin with a whole character.
std::optional<CodePoint> firstCodePoint(std::string_view text) {
    for (const Utf8Form& form : utf8Forms)
        if ((octet(text[0]) & form.leadMask) == form.lead)
            return readTail(form, text);
    return std::nullopt;
}

bool isShown(char32_t value) {
    return std::none_of(deceptive.begin(), deceptive.end(), [value](const CodeRange& range) {
        return value >= range.first && value <= range.last;
    });
}

} // namespace

std::string toLowerAscii(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), lowerAscii);
    return lower;
}

bool equalsIgnoringCase(std::string_view a, std::string_view b) {
    if (a.size() != b.size())
        return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (a[i] != b[i] && lowerAscii(a[i]) != lowerAscii(b[i]))
            return false;
    return true;
}

std::string_view trim(std::string_view text) {
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos)
            return parts;
        text.remove_prefix(end + 1);
    }
}

std::optional<std::uint64_t> parseUnsigned(std::string_view digits) {
    std::uint64_t value = 0;
    const char* end = digits.data() + digits.size();
    const auto [next, error] = std::from_chars(digits.data(), end, value);
    if (error != std::errc() || next != end)
        return std::nullopt;
    return value;
}

std::string escapeForDisplay(std::string_view untrusted, std::size_t limit) {
    std::string shown;
    shown.reserve(std::min(untrusted.size(), limit));
    std::size_t at = 0;
    while (at < untrusted.size()) {
        const auto character = firstCodePoint(untrusted.substr(at));
        const std::size_t octets = character ? character->octets : 1;
        if (octets > limit - at)
            return shown + "…";
        const std::string_view raw = untrusted.substr(at, octets);
        if (character && isShown(character->value))
            shown += raw;
        else
            for (const char c : raw)
                fmt::format_to(std::back_inserter(shown), "\\x{:02X}", octet(c));
        at += octets;
    }
    return shown;
}

std::string sortedLines(std::vector<std::string> lines) {
    if (lines.size() == 1)
        return std::move(lines.front());
    std::sort(lines.begin(), lines.end());
    lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
    std::string text;
    for (const std::string& line : lines)
        text.append(text.empty() ? 0 : 1, '\n').append(line);
    return text;
}

std::string quoteForDisplay(std::string_view untrusted) {
    constexpr std::size_t longestQuotation = 128;
    return fmt::format("\"{}\"", escapeForDisplay(untrusted, longestQuotation));
}

} // namespace sluice
