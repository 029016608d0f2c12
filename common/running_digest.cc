// SPDX-License-Identifier: BSD-2-Clause
#include "common/running_digest.hh"

namespace sluice {

// None of the three can fail: they work on the state alone.

void RunningDigest::begin() {
    SHA256_Init(&state_);
}

void RunningDigest::add(std::string_view piece) {
    SHA256_Update(&state_, piece.data(), piece.size());
}

Digest RunningDigest::finish() {
    Digest digest;
    SHA256_Final(digest.data(), &state_);
    begin();
    return digest;
}

} // namespace sluice
