// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/digest.hh"

#include <memory>
#include <string_view>

struct evp_md_ctx_st;

namespace sluice {

/// SHA-256 of a text that comes in pieces; where it is cut makes no difference. One thread at a
/// time. Throws std::bad_alloc where libcrypto finds no memory.
class RunningDigest {
public:
    RunningDigest();

    void add(std::string_view piece);
    /// The digest of all pieces; begins anew.
    Digest finish();
    /// Forgets the pieces.
    void begin();

private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const noexcept;
    };

    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

} // namespace sluice
