// SPDX-License-Identifier: BSD-2-Clause
#include "common/base32.hh"

#include <algorithm>
#include <array>
#include <cassert>

namespace sluice {
namespace {

constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz234567";
constexpr unsigned digitBits = 5;
constexpr unsigned octetBits = 8;
constexpr std::uint64_t digitMask = (1U << digitBits) - 1;

char digit(std::uint64_t value) {
    return alphabet[static_cast<std::size_t>(value & digitMask)];
}

constexpr std::uint8_t noDigit = 0xFF;

/// By octet, in either case.
constexpr std::array<std::uint8_t, 256> digitValues = [] {
    std::array<std::uint8_t, 256> values{};
    values.fill(noDigit);
    for (std::size_t value = 0; value < alphabet.size(); ++value) {
        const auto lower = static_cast<unsigned char>(alphabet[value]);
        values.at(lower) = static_cast<std::uint8_t>(value);
        if (lower >= 'a')
            values.at(lower - 'a' + std::size_t{'A'}) = static_cast<std::uint8_t>(value);
    }
    return values;
}();

/// The value of a digit, or noDigit.
std::uint8_t digitValue(char c) {
    return digitValues[static_cast<unsigned char>(c)]; // NOLINT(*-constant-array-index)
}

/// The digits that whole octets make leave fewer bits over than a digit has.
bool isPossibleLength(std::size_t digits) {
    return digits * digitBits % octetBits < digitBits;
}

} // namespace

std::string encodeBase32(std::span<const std::uint8_t> octets) {
    std::string text;
    text.reserve((octets.size() * octetBits + digitBits - 1) / digitBits);
    unsigned pending = 0; // what is read and not yet written, `bits` of it
    unsigned bits = 0;
    for (const std::uint8_t octet : octets) {
        pending = (pending << octetBits | octet) & 0xFFFU;
        for (bits += octetBits; bits >= digitBits; bits -= digitBits)
            text += digit(pending >> (bits - digitBits));
    }
    if (bits > 0)
        text += digit(std::uint64_t{pending} << (digitBits - bits));
    return text;
}

std::optional<std::vector<std::uint8_t>> decodeBase32(std::string_view text) {
    if (!isPossibleLength(text.size()))
        return std::nullopt;
    std::vector<std::uint8_t> octets;
    octets.reserve(text.size() * digitBits / octetBits);
    unsigned pending = 0;
    unsigned bits = 0;
    for (const char c : text) {
        const std::uint8_t value = digitValue(c);
        if (value == noDigit)
            return std::nullopt;
        pending = (pending << digitBits | value) & 0xFFFU;
        bits += digitBits;
        if (bits >= octetBits) {
            bits -= octetBits;
            octets.push_back(static_cast<std::uint8_t>(pending >> bits & 0xFFU));
        }
    }
    if ((pending & ((1U << bits) - 1)) != 0)
        return std::nullopt;
    return octets;
}

std::string encodeBase32Number(std::uint64_t number, std::size_t digits) {
    assert(digits <= longestBase32Number);
    const std::uint64_t largest = (std::uint64_t{1} << digits * digitBits) - 1;
    number = std::min(number, largest);
    std::string text(digits, alphabet.front());
    for (auto place = text.rbegin(); place != text.rend(); ++place, number >>= digitBits)
        *place = digit(number);
    return text;
}

std::optional<std::uint64_t> decodeBase32Number(std::string_view text) {
    if (text.empty() || text.size() > longestBase32Number)
        return std::nullopt;
    std::uint64_t number = 0;
    for (const char c : text) {
        const std::uint8_t value = digitValue(c);
        if (value == noDigit)
            return std::nullopt;
        number = number << digitBits | value;
    }
    return number;
}

bool isBase32(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return digitValue(c) != noDigit; });
}

} // namespace sluice
