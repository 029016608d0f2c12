// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice {

/// SipHash-2-4 with 128 bits (Aumasson and Bernstein, 2012), by libsodium: without the key nobody
/// can tell what a hash is of, or make two texts meet. For names of records, of which every message
/// needs several; it is a tenth of the work of an HMAC. Immutable: any thread.
class KeyedHash {
public:
    static constexpr std::size_t octets = 16;
    using Value = std::array<std::uint8_t, octets>;

    explicit KeyedHash(std::span<const std::uint8_t, octets> key);
    [[nodiscard]] Value of(std::string_view text) const;

private:
    std::array<std::uint8_t, octets> key_;
};

} // namespace sluice
