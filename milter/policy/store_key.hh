// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/digest.hh"
#include "common/keyed_hash.hh"

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

namespace sluice {

/// Under which something is remembered: a keyed hash, from which nobody who reads the store learns
/// an address, and which no sender can aim at that of another message.
struct StoreKey {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    friend bool operator==(const StoreKey&, const StoreKey&) = default;
};

/// Makes keys and short tags. Nodes that share a store share the secret. Any thread.
class KeyHasher {
public:
    /// What a hash is of, so that equal texts of different kinds have different hashes.
    enum class Kind : char {
        message = 'm',
        copy = 'c',
        turn = 't',
        list = 'l',
        loop = 'p',
        client = 'n',
        member = 'r',
        author = 'a',
        text = 'x',
        stamps = 's',
        harvest = 'h',
    };
    using Parts = std::initializer_list<std::string_view>;

    explicit KeyHasher(const Digest& secret)
        : hash_(std::span(secret).first<KeyedHash::octets>()) {}

    /// No two different rows of parts give the same hash.
    [[nodiscard]] StoreKey key(Kind kind, Parts parts) const;
    /// The same in 64 bits, never 0.
    [[nodiscard]] std::uint64_t tag(Kind kind, Parts parts) const;

private:
    KeyedHash hash_;
};

} // namespace sluice
