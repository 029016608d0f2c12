// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/mime_decoding.hh"

#include "common/text.hh"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace sluice {
namespace {

int hexDigit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    const char lower = lowerAscii(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::optional<char> hexOctet(std::string_view digits) {
    if (digits.size() < 2 || hexDigit(digits[0]) < 0 || hexDigit(digits[1]) < 0)
        return std::nullopt;
    return static_cast<char>(hexDigit(digits[0]) * 16 + hexDigit(digits[1]));
}

/// Octets of the line end behind a `=`, blanks before it included; nullopt when it is no soft line
/// break. The end of the text is a line end.
std::optional<std::size_t> softBreak(std::string_view behind) {
    const std::size_t end = behind.find_first_not_of(" \t");
    if (end == std::string_view::npos)
        return behind.size();
    if (behind[end] == '\n')
        return end + 1;
    if (behind.substr(end).starts_with("\r\n"))
        return end + 2;
    return std::nullopt;
}

int base64Digit(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

bool isLatin1(std::string_view charset) {
    constexpr std::array<std::string_view, 5> names{"iso-8859-1", "iso-8859-15", "windows-1252",
                                                    "cp1252", "latin1"};
    return std::any_of(names.begin(), names.end(), [charset](std::string_view name) {
        return equalsIgnoringCase(name, charset);
    });
}

std::string fromLatin1(std::string_view text) {
    std::string utf8;
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet < 0x80) {
            utf8 += c;
            continue;
        }
        utf8 += static_cast<char>(0xC0U | (octet >> 6));
        utf8 += static_cast<char>(0x80U | (octet & 0x3FU));
    }
    return utf8;
}

struct EncodedWord {
    std::string_view charset;
    char encoding;
    std::string_view text;
    std::size_t octets;
};

/// The encoded word that `text` begins with. RFC 2047 allows 75 characters; many write more.
std::optional<EncodedWord> encodedWord(std::string_view text) {
    constexpr std::size_t longestWord = 998;
    text = text.substr(0, longestWord);
    if (!text.starts_with("=?"))
        return std::nullopt;
    const std::size_t charsetEnd = text.find('?', 2);
    if (charsetEnd == std::string_view::npos || charsetEnd + 3 > text.size() ||
        text[charsetEnd + 2] != '?')
        return std::nullopt;
    const std::size_t end = text.find("?=", charsetEnd + 3);
    if (end == std::string_view::npos)
        return std::nullopt;
    const std::string_view charset = text.substr(2, charsetEnd - 2);
    return EncodedWord{charset.substr(0, charset.find('*')), lowerAscii(text[charsetEnd + 1]),
                       text.substr(charsetEnd + 3, end - charsetEnd - 3), end + 2};
}

std::string decodedWord(const EncodedWord& word) {
    std::string raw;
    if (word.encoding == 'b') {
        raw = decodeBase64(word.text, word.text.size());
    } else {
        std::string spaced(word.text);
        std::replace(spaced.begin(), spaced.end(), '_', ' ');
        raw = decodeQuotedPrintable(spaced, spaced.size());
    }
    return isLatin1(word.charset) ? fromLatin1(raw) : raw;
}

} // namespace

std::string decodeQuotedPrintable(std::string_view text, std::size_t limit) {
    std::string decoded;
    decoded.reserve(std::min(text.size(), limit));
    std::size_t at = 0;
    while (at < text.size() && decoded.size() < limit) {
        const std::string_view behind = text.substr(at + 1);
        if (text[at] == '=') {
            if (const auto octet = hexOctet(behind)) {
                decoded += *octet;
                at += 3;
                continue;
            }
            // a long run of blanks is looked at once for each `=`, so it is cut to what is usual
            constexpr std::size_t longestPadding = 80;
            if (const auto skipped = softBreak(behind.substr(0, longestPadding))) {
                at += 1 + *skipped;
                continue;
            }
        }
        decoded += text[at++];
    }
    return decoded;
}

std::string decodeBase64(std::string_view text, std::size_t limit) {
    std::string decoded;
    decoded.reserve(std::min(text.size() / 4 * 3 + 3, limit));
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : text) {
        if (decoded.size() >= limit)
            break;
        const int digit = base64Digit(c);
        if (c == '=')
            held = 0;
        if (digit < 0)
            continue;
        bits = (bits << 6) | static_cast<std::uint32_t>(digit);
        held += 6;
        if (held >= 8) {
            held -= 8;
            decoded += static_cast<char>((bits >> held) & 0xFFU);
        }
    }
    return decoded;
}

std::string decodedHeader(std::string_view value, std::size_t limit) {
    value = trim(value.substr(0, limit));
    std::string text;
    bool behindWord = false;
    std::size_t wordEnd = 0;
    for (std::size_t at = 0; at < value.size();) {
        if (const auto word = encodedWord(value.substr(at))) {
            if (behindWord) // blanks between two encoded words are not shown
                text.resize(wordEnd);
            text += decodedWord(*word);
            at += word->octets;
            behindWord = true;
            wordEnd = text.size();
            continue;
        }
        const char c = value[at++];
        if (c == '\r' || c == '\n')
            continue;
        behindWord = behindWord && (c == ' ' || c == '\t');
        text += c == '\t' ? ' ' : c;
    }
    text.resize(std::min(text.size(), limit));
    return text;
}

} // namespace sluice
