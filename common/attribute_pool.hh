// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/entry.hh"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sluice {

/// Each distinct set of attributes once, so that an entry of a large table carries a number instead
/// of a note: most entries have none, and many share theirs. Not for more than 2^32 distinct ones.
class AttributePool {
public:
    using Index = std::uint32_t;
    /// Neither expiry nor note.
    static constexpr Index none = 0;

    AttributePool() { intern({}); }
    AttributePool(AttributePool&&) = default;
    AttributePool& operator=(AttributePool&&) = default;

    Index intern(EntryAttributes attributes) {
        if (!stored_.empty() && !attributes.expires && attributes.note.empty())
            return none;
        const auto next = static_cast<Index>(stored_.size());
        const auto [place, added] = indexes_.try_emplace(std::move(attributes), next);
        if (added)
            stored_.push_back(&place->first);
        return place->second;
    }

    [[nodiscard]] const EntryAttributes& operator[](Index index) const { return *stored_[index]; }

    /// All of them in the order of their indexes.
    [[nodiscard]] std::vector<EntryAttributes> list() const {
        std::vector<EntryAttributes> all;
        all.reserve(stored_.size());
        for (const EntryAttributes* attributes : stored_)
            all.push_back(*attributes);
        return all;
    }

private:
    struct Hash {
        std::size_t operator()(const EntryAttributes& attributes) const {
            const std::size_t day =
                attributes.expires ? static_cast<std::uint32_t>(*attributes.expires) + 1U : 0U;
            return std::hash<std::string>{}(attributes.note) ^ (day * 0x9E3779B9U);
        }
    };

    std::unordered_map<EntryAttributes, Index, Hash> indexes_;
    std::vector<const EntryAttributes*> stored_; // into indexes_, whose nodes never move
};

} // namespace sluice
