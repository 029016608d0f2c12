// SPDX-License-Identifier: BSD-2-Clause
#include "common/digest.hh"

#include <openssl/crypto.h>

#include <algorithm>

namespace sluice {

static_assert(digestOctets == SHA256_DIGEST_LENGTH);

namespace {

using Block = std::array<std::uint8_t, SHA256_CBLOCK>;

Block blockOf(std::span<const std::uint8_t> key) {
    Block block{};
    if (key.size() <= block.size())
        std::copy(key.begin(), key.end(), block.begin());
    else
        SHA256(key.data(), key.size(), block.data());
    return block;
}

/// Has taken the key's block, each octet of which is changed by `padding`.
SHA256_CTX begunWith(Block block, std::uint8_t padding) {
    for (std::uint8_t& octet : block)
        octet ^= padding;
    SHA256_CTX state;
    SHA256_Init(&state);
    SHA256_Update(&state, block.data(), block.size());
    return state;
}

} // namespace

Digest sha256(std::string_view text) {
    Digest digest;
    SHA256_CTX state;
    SHA256_Init(&state);
    SHA256_Update(&state, text.data(), text.size());
    SHA256_Final(digest.data(), &state);
    return digest;
}

HmacSha256::HmacSha256(std::span<const std::uint8_t> key)
    : inner_(begunWith(blockOf(key), 0x36)), outer_(begunWith(blockOf(key), 0x5C)) {}

Digest HmacSha256::of(std::string_view text) const {
    Digest digest;
    SHA256_CTX state = inner_;
    SHA256_Update(&state, text.data(), text.size());
    SHA256_Final(digest.data(), &state);
    state = outer_;
    SHA256_Update(&state, digest.data(), digest.size());
    SHA256_Final(digest.data(), &state);
    return digest;
}

Digest hmacSha256(std::span<const std::uint8_t> key, std::string_view text) {
    return HmacSha256(key).of(text);
}

bool equalInConstantTime(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace sluice
