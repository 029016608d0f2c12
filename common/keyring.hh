// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/digest.hh"
#include "common/result.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// A secret and the name under which what it signs refers to it.
struct Key {
    static constexpr std::size_t octets = 32;
    static constexpr std::size_t longestId = 8;

    std::string id; ///< [a-z2-7]{1,8}
    std::array<std::uint8_t, octets> secret{};
    std::optional<HmacSha256> hmac = std::nullopt; ///< under `secret`; a keyring has it ready

    /// A key that nobody can guess, with an id of its own.
    static Key random();

    [[nodiscard]] Digest mac(std::string_view text) const {
        return hmac ? hmac->of(text) : hmacSha256(secret, text);
    }
    /// `ID HEX`, as a key file has it. Shows the secret.
    [[nodiscard]] std::string line() const;
};

/// The keys of a site: the first signs; the first two are accepted, so that a new key can be put on
/// top while what the old one signed is still under way. Immutable; any thread.
class Keyring {
public:
    static constexpr std::size_t acceptedKeys = 2;

    /// Reads lines `ID HEX` (64 hexadecimal digits); `#` begins a comment. Error: `line N: …` for
    /// another form or an id that comes twice; no key at all. No error shows a secret.
    static Result<Keyring> parse(std::string_view text);

    /// The same from a file that nobody but its owner may read or write. Errors begin with the
    /// path.
    static Result<Keyring> read(const std::string& path);

    /// One new key, which no other process knows.
    static Keyring random();

    [[nodiscard]] const Key& signer() const { return keys_.front(); }
    /// The key of that id when it is among the accepted ones, or null.
    [[nodiscard]] const Key* accepted(std::string_view id) const;
    /// All keys of the file, in its order; at least one.
    [[nodiscard]] const std::vector<Key>& keys() const { return keys_; }

private:
    explicit Keyring(std::vector<Key> keys);

    std::vector<Key> keys_;
};

} // namespace sluice
