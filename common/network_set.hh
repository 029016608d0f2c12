// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/attribute_pool.hh"
#include "common/entry.hh"
#include "common/ip_network.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace sluice {

/// A set of networks, each with its expiry and note, made for a million of them: look-up is a
/// binary search and a walk up the enclosing networks, at most one step a prefix length. Built
/// once, then read by any number of threads.
class NetworkSet {
    using V6Bits = std::array<std::uint64_t, 2>; ///< the first 64 bits and the last

    /// One network while the set is filled.
    template<typename Bits>
    struct Pending {
        Bits first;
        AttributePool::Index attributes;
        std::uint8_t prefix;
    };

    /// The networks of one family in ascending order of their first address; of those with the same
    /// one the wider stands before the narrower. Arrays apart, so that the search touches only
    /// `first`.
    template<typename Bits>
    struct Family {
        using Index = std::uint32_t;
        static constexpr Index none = UINT32_MAX;

        std::vector<Bits> first;
        std::vector<std::uint8_t> prefix;
        std::vector<Index> parent; ///< the narrowest network around this one, or none
        std::vector<AttributePool::Index> attributes;

        void append(const Pending<Bits>& network);
        /// The narrowest network that holds `bits` and for which `isValid(attributes)`; or none.
        template<typename IsValid>
        Index find(const Bits& bits, IsValid isValid) const;
    };

public:
    struct Match {
        IpNetwork network;
        EntryAttributes attributes;
    };

    class Builder {
    public:
        /// A network that is there already keeps the attributes that last longer.
        void add(const IpNetwork& network, EntryAttributes attributes = {});
        /// Sorts, and leaves the builder empty.
        NetworkSet build();

    private:
        std::vector<Pending<std::uint32_t>> v4_;
        std::vector<Pending<V6Bits>> v6_;
        AttributePool attributes_;
    };

    NetworkSet() = default;

    /// The narrowest network that holds the address and has not expired.
    [[nodiscard]] std::optional<Match> find(const IpAddress& address, CivilDay today) const;
    /// As find(), without making the match: for paths that only ask.
    [[nodiscard]] bool contains(const IpAddress& address, CivilDay today) const;
    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] bool empty() const { return size() == 0; }

private:
    [[nodiscard]] static V6Bits v6Bits(const IpAddress& address);
    template<typename Bits>
    [[nodiscard]] typename Family<Bits>::Index findIn(const Family<Bits>& family, const Bits& bits,
                                                      CivilDay today) const;
    template<typename Bits>
    [[nodiscard]] std::optional<Match> matchIn(const Family<Bits>& family, const IpAddress& address,
                                               const Bits& bits, CivilDay today) const;
    template<typename Bits>
    static Family<Bits> sorted(std::vector<Pending<Bits>> pending, const AttributePool& pool);

    Family<std::uint32_t> v4_;
    Family<V6Bits> v6_;
    std::vector<EntryAttributes> attributes_;
};

} // namespace sluice
