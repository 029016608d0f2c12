// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

struct evp_md_ctx_st;

/// Digests by libcrypto. Any thread. Throws std::bad_alloc where the library finds no memory.
namespace sluice {

constexpr std::size_t digestOctets = 32;
using Digest = std::array<std::uint8_t, digestOctets>;

/// FIPS 180-4.
Digest sha256(std::string_view text);

/// RFC 2104 with SHA-256 under one key, which is taken in once: a MAC costs no more than the digest
/// of its text. Immutable.
class HmacSha256 {
public:
    explicit HmacSha256(std::span<const std::uint8_t> key);
    [[nodiscard]] Digest of(std::string_view text) const;

private:
    using Context = std::shared_ptr<evp_md_ctx_st>;
    static Context begun(std::span<const std::uint8_t> key, std::uint8_t padding);

    Context inner_;
    Context outer_;
};

/// For a key that is used once.
Digest hmacSha256(std::span<const std::uint8_t> key, std::string_view text);

/// Takes as long for equal octets as for others, so that a forger learns nothing from the time.
/// Texts of different length differ at once.
bool equalInConstantTime(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

} // namespace sluice
