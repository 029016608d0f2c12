// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Base32 (RFC 4648 section 6) in lower case and without padding: it survives a change of case,
/// needs no quoting in an address or a header, and holds no `=`.
namespace sluice {

std::string encodeBase32(std::span<const std::uint8_t> octets);

/// Either case. nullopt: a character outside the alphabet, or a text that encodeBase32() makes of
/// no octets at all (an impossible length, bits at the end that are not zero), so that there is one
/// text for each value.
std::optional<std::vector<std::uint8_t>> decodeBase32(std::string_view text);

/// The most digits of which every number fits 64 bits.
constexpr std::size_t longestBase32Number = 12;

/// A number of exactly `digits` digits, the most significant first. A number that does not fit
/// becomes the largest one that does. `digits` is at most longestBase32Number.
std::string encodeBase32Number(std::uint64_t number, std::size_t digits);

/// Either case. nullopt: no digit, more than longestBase32Number of them, or another character.
std::optional<std::uint64_t> decodeBase32Number(std::string_view text);

/// Digits of base32 in either case, and nothing else; false for an empty text.
bool isBase32(std::string_view text);

} // namespace sluice
