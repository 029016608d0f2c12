// SPDX-License-Identifier: BSD-2-Clause
#include "common/keyed_hash.hh"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using sluice::KeyedHash;

namespace {

std::array<std::uint8_t, KeyedHash::octets> rising() {
    std::array<std::uint8_t, KeyedHash::octets> key{};
    for (std::size_t at = 0; at < key.size(); ++at)
        key.at(at) = static_cast<std::uint8_t>(at);
    return key;
}

} // namespace

TEST_CASE("SipHash-2-4 with 128 bits: the first vector of its authors") {
    const KeyedHash::Value expected{0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
                                    0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93};
    CHECK(KeyedHash(rising()).of("") == expected);
}

TEST_CASE("another key or text has another hash") {
    const KeyedHash hash(rising());
    CHECK(hash.of("a") == hash.of("a"));
    CHECK(hash.of("a") != hash.of("b"));
    CHECK(hash.of("a") != hash.of(std::string_view("a\0", 2)));
    CHECK(hash.of("a") != KeyedHash(std::array<std::uint8_t, KeyedHash::octets>{}).of("a"));
}
