// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::ctl {

/// Counts keys that others choose, in bounded memory: with more than `most` of them the half that
/// is seen least is forgotten. A key that is one of 2/`most` of all stays, and its count is right
/// but for what came before it was forgotten.
template<typename Value>
class TopTable {
public:
    struct Entry {
        std::uint64_t count = 0;
        Value value = {};
    };
    using Row = std::pair<std::string, Entry>;

    explicit TopTable(std::size_t most) : most_(most) {}

    /// Counts the key once more. The reference lasts until the next call.
    Value& count(std::string_view key) {
        key = key.substr(0, longestKey);
        auto found = entries_.find(key);
        if (found == entries_.end()) {
            if (entries_.size() >= most_)
                forgetRarest();
            found = entries_.emplace(key, Entry{}).first;
        }
        ++found->second.count;
        return found->second.value;
    }

    /// The most frequent ones first, those of the same count by their keys.
    [[nodiscard]] std::vector<Row> top(std::size_t number) const {
        std::vector<Row> rows(entries_.begin(), entries_.end());
        std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
            return a.second.count > b.second.count;
        });
        rows.resize(std::min(number, rows.size()));
        return rows;
    }

    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    /// Keys that were forgotten; with any the counts are lower bounds.
    [[nodiscard]] std::uint64_t forgotten() const { return forgotten_; }

private:
    static constexpr std::size_t longestKey = 1024;

    void forgetRarest() {
        std::vector<std::uint64_t> counts;
        counts.reserve(entries_.size());
        for (const auto& [key, entry] : entries_)
            counts.push_back(entry.count);
        const auto middle = counts.begin() + static_cast<std::ptrdiff_t>(counts.size() / 2);
        std::nth_element(counts.begin(), middle, counts.end());
        const std::uint64_t limit = *middle;
        const std::size_t before = entries_.size();
        std::size_t surplus = before / 2;
        std::erase_if(entries_, [&](const auto& each) { return each.second.count < limit; });
        surplus -= std::min(surplus, before - entries_.size());
        std::erase_if(entries_, [&](const auto& each) {
            return each.second.count == limit && surplus > 0 && surplus-- > 0;
        });
        forgotten_ += before - entries_.size();
    }

    std::size_t most_;
    // not by hash: who chooses the keys could choose them to collide
    std::map<std::string, Entry, std::less<>> entries_;
    std::uint64_t forgotten_ = 0;
};

} // namespace sluice::ctl
