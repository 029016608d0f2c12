// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/store_books.hh"

#include "milter/adapters/book_entries.hh"

#include <algorithm>
#include <limits>
#include <numeric>

namespace sluice {
namespace {

using std::chrono::seconds;

/// More different loops of one client than this are not told apart.
constexpr std::size_t maxLoopsOfClient = 255;

seconds ageOf(SteadyTime then, SteadyTime now) {
    return std::chrono::duration_cast<seconds>(std::max(SteadyTime::duration::zero(), now - then));
}

/// Rounded up: what has any time left has a second.
seconds timeLeft(SteadyTime until, SteadyTime now) {
    return std::chrono::ceil<seconds>(std::max(SteadyTime::duration::zero(), until - now));
}

} // namespace

std::uint32_t StoreBooks::Window::add(SteadyTime now) {
    constexpr SteadyTime::duration width = Store::cutWindow / slices;
    const auto kept = static_cast<std::int64_t>(counts_.size());
    const std::int64_t slice = std::max<std::int64_t>(now.time_since_epoch() / width, newest_);
    if (slice - newest_ >= kept)
        counts_.fill(0);
    else
        for (auto empty = newest_ + 1; empty <= slice; ++empty)
            counts_[static_cast<std::size_t>(empty % kept)] = 0;
    newest_ = slice;
    std::uint32_t& current = counts_[static_cast<std::size_t>(slice % kept)];
    // far below what could make the sum run over
    current += current < std::numeric_limits<std::uint32_t>::max() / (slices + 1) ? 1U : 0U;
    return std::accumulate(counts_.begin(), counts_.end(), std::uint32_t{0});
}

/// The value of the key, as new when its time is over. Makes room for a new one: what is over, or
/// else what is over first.
template<typename Value>
Value& StoreBooks::entryOf(Map<Value>& map, const StoreKey& key, SteadyTime now) {
    if (const auto known = map.find(key); known != map.end()) {
        if (known->second.until <= now)
            known->second = Value();
        return known->second;
    }
    if (map.size() >= maxEntries_) {
        std::erase_if(map, [&](const auto& entry) { return entry.second.until <= now; });
        if (map.size() >= maxEntries_ && !map.empty())
            map.erase(std::min_element(map.begin(), map.end(), [](const auto& a, const auto& b) {
                return a.second.until < b.second.until;
            }));
    }
    return map[key];
}

StoreBooks::Entry& StoreBooks::count(Map<Entry>& book, const StoreKey& key,
                                     const std::string& label, SteadyTime now, seconds lifetime) {
    std::string shortLabel = boundedLabel(label);
    Entry& entry = entryOf(book, key, now);
    if (entry.count == 0)
        entry.first = now;
    ++entry.count;
    entry.label = std::move(shortLabel);
    entry.last = now;
    entry.until = now + lifetime;
    return entry;
}

bool StoreBooks::claimNotice(const StoreKey& loop, SteadyTime now) {
    Notice& notice = entryOf(notices_, loop, now);
    if (now < notice.until)
        return false;
    notice.until = now + Store::cutWindow;
    return true;
}

CutCount StoreBooks::countCut(const Cut& cut, SteadyTime now) {
    count(loops_, cut.loop, cut.label, now, Store::loopLifetime);
    LoopWindow& recent = entryOf(windows_, cut.loop, now);
    recent.until = now + 2 * Store::cutWindow;
    return {recent.window.add(now), loopsOf(cut, now)};
}

std::uint32_t StoreBooks::loopsOf(const Cut& cut, SteadyTime now) {
    ClientLoops& client = entryOf(clients_, cut.client, now);
    client.until = now + Store::cutWindow;
    std::erase_if(client.loops,
                  [&](const auto& loop) { return now - loop.second >= Store::cutWindow; });
    const auto known = std::find_if(client.loops.begin(), client.loops.end(),
                                    [&](const auto& loop) { return loop.first == cut.loop; });
    if (known != client.loops.end())
        known->second = now;
    else if (client.loops.size() < maxLoopsOfClient)
        client.loops.emplace_back(cut.loop, now);
    return static_cast<std::uint32_t>(client.loops.size());
}

Block StoreBooks::block(const StoreKey& key, const std::string& label, SteadyTime now) {
    if (const auto known = blocks_.find(key); known != blocks_.end() && now < known->second.ends) {
        const Entry& entry = known->second;
        return {key, timeLeft(entry.ends, now), entry.length, entry.label};
    }
    Entry& entry = count(blocks_, key, label, now, seconds::zero());
    entry.length = entry.count == 1 ? Store::firstBlock
                                    : std::min<seconds>(2 * entry.length, Store::longestBlock);
    entry.ends = now + entry.length;
    entry.until = entry.ends + std::max<seconds>(entry.length, Store::cutWindow);
    return {key, entry.length, entry.length, entry.label};
}

std::vector<Block> StoreBooks::blocks(SteadyTime now) {
    std::vector<Block> found;
    for (const auto& [key, entry] : blocks_)
        if (now < entry.ends && found.size() < Store::maxEntriesListed)
            found.push_back({key, timeLeft(entry.ends, now), entry.length, entry.label});
    return found;
}

void StoreBooks::countBounce(const StoreKey& member, const std::string& label, SteadyTime now) {
    count(bounces_, member, label, now, Store::bounceLifetime);
}

/// What an operator has put there must not make room for more.
bool StoreBooks::addEntry(Store::Book book, const StoreKey& key, const std::string& label,
                          seconds lifetime, SteadyTime now) {
    Map<Entry>& entries = bookOf(book);
    std::erase_if(entries, [&](const auto& entry) { return entry.second.until <= now; });
    if (entries.size() >= maxEntries_ && entries.count(key) == 0)
        return false;
    count(entries, key, label, now, lifetime);
    return true;
}

StoreBooks::Map<StoreBooks::Entry>& StoreBooks::bookOf(Store::Book book) {
    switch (book) {
    case Store::Book::loops:
        return loops_;
    case Store::Book::blocks:
        return blocks_;
    case Store::Book::bounces:
        return bounces_;
    case Store::Book::allowed:
        return allowed_;
    case Store::Book::denied:
        return denied_;
    }
    return loops_;
}

std::vector<StoreEntry> StoreBooks::list(Store::Book book, SteadyTime now) {
    std::vector<StoreEntry> found;
    for (const auto& [key, entry] : bookOf(book)) {
        const SteadyTime end = book == Store::Book::blocks ? entry.ends : entry.until;
        if (now < end)
            found.push_back({key, entry.label, entry.count, ageOf(entry.first, now),
                             ageOf(entry.last, now), timeLeft(end, now)});
    }
    sortAndBound(found);
    return found;
}

std::size_t StoreBooks::clear(Store::Book book, const std::optional<StoreKey>& key) {
    Map<Entry>& entries = bookOf(book);
    const std::size_t before = entries.size();
    const auto forget = [&](auto& map) { key ? static_cast<void>(map.erase(*key)) : map.clear(); };
    forget(entries);
    if (book == Store::Book::loops) {
        forget(notices_);
        forget(windows_);
        for (auto& [client, loops] : clients_)
            std::erase_if(loops.loops,
                          [&](const auto& loop) { return !key || loop.first == *key; });
    }
    return before - entries.size();
}

} // namespace sluice
