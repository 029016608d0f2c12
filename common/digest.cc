// SPDX-License-Identifier: BSD-2-Clause
#include "common/digest.hh"

#include "common/running_digest.hh"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <new>

namespace sluice {

static_assert(digestOctets == SHA256_DIGEST_LENGTH);

namespace {

const unsigned char* octetsOf(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::string_view viewOf(std::span<const std::uint8_t> octets) {
    return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

} // namespace

Digest sha256(std::string_view text) {
    Digest digest;
    if (SHA256(octetsOf(text), text.size(), digest.data()) == nullptr)
        throw std::bad_alloc();
    return digest;
}

HmacSha256::HmacSha256(std::span<const std::uint8_t> key)
    : inner_(padded(key, 0x36)), outer_(padded(key, 0x5C)) {}

HmacSha256::Block HmacSha256::padded(std::span<const std::uint8_t> key, std::uint8_t padding) {
    Block block{};
    if (key.size() > block.size()) {
        const Digest digest = sha256(viewOf(key));
        std::copy(digest.begin(), digest.end(), block.begin());
    } else {
        std::copy(key.begin(), key.end(), block.begin());
    }
    for (std::uint8_t& octet : block)
        octet ^= padding;
    return block;
}

Digest HmacSha256::of(std::string_view text) const {
    // each thread keeps a context: to look SHA-256 up in libcrypto costs more than a short MAC
    thread_local RunningDigest digest;
    digest.begin(); // a text that was broken off leaves nothing
    digest.add(viewOf(inner_));
    digest.add(text);
    const Digest inner = digest.finish();
    digest.add(viewOf(outer_));
    digest.add(viewOf(inner));
    return digest.finish();
}

Digest hmacSha256(std::span<const std::uint8_t> key, std::string_view text) {
    return HmacSha256(key).of(text);
}

bool equalInConstantTime(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace sluice
