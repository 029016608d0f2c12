// SPDX-License-Identifier: BSD-2-Clause
#include "common/keyed_hash.hh"

#include <sodium/crypto_shorthash_siphash24.h>

#include <algorithm>

namespace sluice {

static_assert(KeyedHash::octets == crypto_shorthash_siphashx24_BYTES);
static_assert(KeyedHash::octets == crypto_shorthash_siphashx24_KEYBYTES);

KeyedHash::KeyedHash(std::span<const std::uint8_t, octets> key) : key_() {
    std::copy(key.begin(), key.end(), key_.begin());
}

KeyedHash::Value KeyedHash::of(std::string_view text) const {
    Value value;
    // always 0: it cannot fail
    crypto_shorthash_siphashx24(value.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                text.size(), key_.data());
    return value;
}

} // namespace sluice
