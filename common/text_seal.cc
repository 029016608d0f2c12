// SPDX-License-Identifier: BSD-2-Clause
#include "common/text_seal.hh"

#include <sodium/core.h>
#include <sodium/crypto_secretbox.h>
#include <sodium/randombytes.h>

#include <stdexcept>
#include <tuple>
#include <utility>

namespace sluice {
namespace {

constexpr std::size_t nonceOctets = crypto_secretbox_NONCEBYTES;
constexpr std::size_t overhead = nonceOctets + crypto_secretbox_MACBYTES;
static_assert(std::tuple_size_v<Digest> == crypto_secretbox_KEYBYTES);

unsigned char* octetsOf(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}

const unsigned char* octetsOf(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

} // namespace

TextSeal::TextSeal(std::vector<Digest> keys) : keys_(std::move(keys)) {
    if (::sodium_init() < 0) // more than once is fine
        throw std::runtime_error("libsodium does not start");
}

std::string TextSeal::seal(std::string_view text) const {
    std::string sealed(overhead + text.size(), '\0');
    unsigned char* const nonce = octetsOf(sealed);
    ::randombytes_buf(nonce, nonceOctets);
    ::crypto_secretbox_easy(nonce + nonceOctets, octetsOf(text), text.size(), nonce,
                            keys_.front().data());
    return sealed;
}

std::optional<std::string> TextSeal::open(std::string_view sealed) const {
    if (sealed.size() < overhead)
        return std::nullopt;
    std::string text(sealed.size() - overhead, '\0');
    for (const Digest& key : keys_)
        if (::crypto_secretbox_open_easy(octetsOf(text), octetsOf(sealed) + nonceOctets,
                                         sealed.size() - nonceOctets, octetsOf(sealed),
                                         key.data()) == 0)
            return text;
    return std::nullopt;
}

} // namespace sluice
