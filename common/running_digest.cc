// SPDX-License-Identifier: BSD-2-Clause
#include "common/running_digest.hh"

#include <openssl/evp.h>

#include <new>

namespace sluice {

void RunningDigest::Free::operator()(evp_md_ctx_st* context) const noexcept {
    EVP_MD_CTX_free(context);
}

RunningDigest::RunningDigest() : context_(EVP_MD_CTX_new()) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1)
        throw std::bad_alloc();
}

void RunningDigest::begin() {
    // the same algorithm again; to name it would have libcrypto look it up
    if (EVP_DigestInit_ex(context_.get(), nullptr, nullptr) != 1)
        throw std::bad_alloc();
}

void RunningDigest::add(std::string_view piece) {
    if (EVP_DigestUpdate(context_.get(), piece.data(), piece.size()) != 1)
        throw std::bad_alloc();
}

Digest RunningDigest::finish() {
    Digest digest;
    if (EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) != 1)
        throw std::bad_alloc();
    begin();
    return digest;
}

} // namespace sluice
