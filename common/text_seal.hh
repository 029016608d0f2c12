// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/digest.hh"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Text that only who has the key can read or make: XSalsa20 with Poly1305 (crypto_secretbox of
/// libsodium), with a nonce of chance in front. Immutable: any thread.
class TextSeal {
public:
    /// The first key seals, each of them opens. At least one.
    explicit TextSeal(std::vector<Digest> keys);

    /// No two are alike, even of the same text; 40 octets longer than it.
    [[nodiscard]] std::string seal(std::string_view text) const;
    /// Nothing, when it is no sealed text or of another key.
    [[nodiscard]] std::optional<std::string> open(std::string_view sealed) const;

private:
    std::vector<Digest> keys_;
};

} // namespace sluice
