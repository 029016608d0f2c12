// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/answer_cache.hh"

#include <iterator>
#include <utility>

namespace sluice {

AnswerCache::Answer AnswerCache::find(std::string_view name, Time now) {
    const auto found = byName_.find(name);
    if (found == byName_.end())
        return nullptr;
    const auto entry = found->second;
    if (entry->until <= now) {
        forget(entry);
        return nullptr;
    }
    entries_.splice(entries_.begin(), entries_, entry);
    return entry->answer;
}

void AnswerCache::keep(const std::string& name, Answer answer, Time until) {
    if (const auto old = byName_.find(name); old != byName_.end())
        forget(old->second);
    if (capacity_ == 0)
        return;
    if (byName_.size() >= capacity_)
        forget(std::prev(entries_.end()));
    Entries fresh;
    fresh.push_back({name, std::move(answer), until});
    byName_.emplace(fresh.front().name, fresh.begin());
    entries_.splice(entries_.begin(), fresh);
}

void AnswerCache::forget(Entries::iterator entry) {
    byName_.erase(entry->name);
    entries_.erase(entry);
}

} // namespace sluice
