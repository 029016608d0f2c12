// SPDX-License-Identifier: BSD-2-Clause
#include "common/digest.hh"

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

} // namespace

Digest sha256(std::string_view text) {
    Digest digest;
    if (SHA256(octetsOf(text), text.size(), digest.data()) == nullptr)
        throw std::bad_alloc();
    return digest;
}

HmacSha256::HmacSha256(std::span<const std::uint8_t> key)
    : inner_(begun(key, 0x36)), outer_(begun(key, 0x5C)) {}

HmacSha256::Context HmacSha256::begun(std::span<const std::uint8_t> key, std::uint8_t padding) {
    std::array<std::uint8_t, SHA256_CBLOCK> block{};
    if (key.size() > block.size()) {
        const Digest digest = sha256({reinterpret_cast<const char*>(key.data()), key.size()});
        std::copy(digest.begin(), digest.end(), block.begin());
    } else {
        std::copy(key.begin(), key.end(), block.begin());
    }
    for (std::uint8_t& octet : block)
        octet ^= padding;
    Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    const bool done = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1 &&
                      EVP_DigestUpdate(context.get(), block.data(), block.size()) == 1;
    OPENSSL_cleanse(block.data(), block.size());
    if (!done)
        throw std::bad_alloc();
    return context;
}

Digest HmacSha256::of(std::string_view text) const {
    // kept by each thread: a new context costs more than a short MAC
    thread_local const Context scratch(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    EVP_MD_CTX* const context = scratch.get();
    Digest digest;
    if (context == nullptr || EVP_MD_CTX_copy_ex(context, inner_.get()) != 1 ||
        EVP_DigestUpdate(context, text.data(), text.size()) != 1 ||
        EVP_DigestFinal_ex(context, digest.data(), nullptr) != 1 ||
        EVP_MD_CTX_copy_ex(context, outer_.get()) != 1 ||
        EVP_DigestUpdate(context, digest.data(), digest.size()) != 1 ||
        EVP_DigestFinal_ex(context, digest.data(), nullptr) != 1)
        throw std::bad_alloc();
    return digest;
}

Digest hmacSha256(std::span<const std::uint8_t> key, std::string_view text) {
    return HmacSha256(key).of(text);
}

bool equalInConstantTime(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace sluice
