// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/store_key.hh"

#include <cstddef>
#include <string>

namespace sluice {
namespace {

constexpr std::size_t octetsOfNumber = 8;

/// Each part with its length in front.
std::string joined(KeyHasher::Kind kind, KeyHasher::Parts parts) {
    std::size_t octets = 1;
    for (const std::string_view part : parts)
        octets += octetsOfNumber + part.size();
    std::string text;
    text.reserve(octets);
    text += static_cast<char>(kind);
    for (const std::string_view part : parts) {
        for (std::size_t octet = 0; octet < octetsOfNumber; ++octet)
            text += static_cast<char>((part.size() >> (8 * octet)) & 0xFF);
        text += part;
    }
    return text;
}

std::uint64_t numberAt(const KeyedHash::Value& hash, std::size_t start) {
    std::uint64_t number = 0;
    for (std::size_t octet = 0; octet < octetsOfNumber; ++octet)
        number = (number << 8) | hash.at(start + octet);
    return number;
}

} // namespace

StoreKey KeyHasher::key(Kind kind, Parts parts) const {
    const KeyedHash::Value hash = hash_.of(joined(kind, parts));
    return {numberAt(hash, 0), numberAt(hash, octetsOfNumber)};
}

std::uint64_t KeyHasher::tag(Kind kind, Parts parts) const {
    const std::uint64_t number = key(kind, parts).high;
    return number == 0 ? 1 : number;
}

} // namespace sluice
