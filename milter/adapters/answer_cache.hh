// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/resolver.hh"

#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sluice {

/// Answers by name, each until its time is over. When full, the one that was not used for longest
/// makes room. One thread at a time.
class AnswerCache {
public:
    using Time = std::chrono::steady_clock::time_point;
    using Answer = std::shared_ptr<const AddressAnswer>;

    explicit AnswerCache(std::size_t capacity) : capacity_(capacity) {}

    /// nullptr when there is none that is good at `now`.
    [[nodiscard]] Answer find(std::string_view name, Time now);
    /// Replaces what is there. Throws only std::bad_alloc, and then keeps nothing of it.
    void keep(const std::string& name, Answer answer, Time until);
    [[nodiscard]] std::size_t size() const { return byName_.size(); }

private:
    struct Entry {
        std::string name;
        Answer answer;
        Time until;
    };
    using Entries = std::list<Entry>;

    void forget(Entries::iterator entry);

    std::size_t capacity_;
    Entries entries_;                                                ///< the last used first
    std::unordered_map<std::string_view, Entries::iterator> byName_; ///< keys live in entries_
};

} // namespace sluice
