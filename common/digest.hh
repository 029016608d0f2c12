// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <openssl/sha.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

/// Digests by libcrypto. Any thread.
namespace sluice {

constexpr std::size_t digestOctets = 32;
using Digest = std::array<std::uint8_t, digestOctets>;

/// FIPS 180-4.
Digest sha256(std::string_view text);

/// RFC 2104 with SHA-256 under one key, made ready once. Immutable.
class HmacSha256 {
public:
    explicit HmacSha256(std::span<const std::uint8_t> key);
    [[nodiscard]] Digest of(std::string_view text) const;

private:
    // each has taken one block, which the key fills
    SHA256_CTX inner_;
    SHA256_CTX outer_;
};

/// For a key that is used once.
Digest hmacSha256(std::span<const std::uint8_t> key, std::string_view text);

/// Takes as long for equal octets as for others, so that a forger learns nothing from the time.
/// Texts of different length differ at once.
bool equalInConstantTime(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

} // namespace sluice
