// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/digest.hh"

#include <openssl/sha.h>

#include <string_view>

namespace sluice {

/// SHA-256 (FIPS 180-4) of a text that comes piece by piece. One thread at a time.
class RunningDigest {
public:
    RunningDigest() { begin(); }

    /// Forgets the pieces.
    void begin();
    void add(std::string_view piece);
    /// Of all pieces; begins anew.
    Digest finish();

private:
    SHA256_CTX state_;
};

} // namespace sluice
