// SPDX-License-Identifier: BSD-2-Clause
#include "common/digest.hh"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Octets = std::vector<std::uint8_t>;

std::string hex(const sluice::Digest& digest) {
    return fmt::format("{:02x}", fmt::join(digest, ""));
}

Octets octetsOf(std::string_view text) {
    return {text.begin(), text.end()};
}

} // namespace

TEST_CASE("SHA-256: the vectors of FIPS 180-4") {
    CHECK(hex(sluice::sha256("")) ==
          "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(hex(sluice::sha256("abc")) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("HMAC-SHA-256: the vectors of RFC 4231") {
    CHECK(hex(sluice::hmacSha256(Octets(20, 0x0B), "Hi There")) ==
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(hex(sluice::hmacSha256(octetsOf("Jefe"), "what do ya want for nothing?")) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hex(sluice::hmacSha256(Octets(131, 0xAA),
                                 "Test Using Larger Than Block-Size Key - Hash Key First")) ==
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("an empty key is a key, and not the one of the call before") {
    const auto empty = sluice::hmacSha256({}, "");
    sluice::hmacSha256(octetsOf("another"), "text");
    CHECK(sluice::hmacSha256({}, "") == empty);
    CHECK(hex(empty) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("octets are compared to the last one") {
    using sluice::equalInConstantTime;
    CHECK_FALSE(equalInConstantTime(octetsOf("abcd"), octetsOf("abce")));
    CHECK_FALSE(equalInConstantTime(octetsOf("abcd"), octetsOf("bbcd")));
    CHECK_FALSE(equalInConstantTime(octetsOf("abcd"), octetsOf("abc")));
    CHECK_FALSE(equalInConstantTime({}, octetsOf("a")));
    CHECK(equalInConstantTime(octetsOf("abcd"), octetsOf("abcd")));
    CHECK(equalInConstantTime({}, {}));
}
