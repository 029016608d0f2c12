// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/store_key.hh"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <vector>

namespace sluice {

/// Values under keys, each for a time. Holds at most as many as it was made for, in memory that it
/// takes as it fills. Who fills it loses their own: each entry belongs to one of a few owner slots
/// (many owners share one), and when there is no room, the oldest entry of the slot that holds the
/// most goes. One thread at a time. Times are seconds since any start.
template<typename Value>
class ExpiringTable {
public:
    using Second = std::uint32_t;

    struct Entry {
        StoreKey key;
        Second seen = 0;  ///< when it was last set
        Second until = 0; ///< from then on it is not there
        std::uint32_t nextOfBucket = none;
        std::uint32_t older = none;
        std::uint32_t newer = none;
        std::uint8_t slot = 0;
        std::uint8_t order = 0; ///< which of the slot's lists
        Value value{};
    };

    /// What one entry takes, its share of the index with it.
    static constexpr std::size_t octetsOfEntry() {
        return sizeof(Entry) + 2 * sizeof(std::uint32_t);
    }

    explicit ExpiringTable(std::size_t most)
        : most_(static_cast<std::uint32_t>(std::clamp<std::size_t>(most, 1, none - 1))) {}

    [[nodiscard]] std::size_t size() const { return entries_.size() - unused_; }

    /// Null when there is none, or no more.
    Entry* find(const StoreKey& key, Second now) {
        for (std::uint32_t at = bucketOf(key); at != none; at = entries_[at].nextOfBucket)
            if (entries_[at].key == key)
                return now < entries_[at].until ? &entries_[at] : nullptr;
        return nullptr;
    }

    /// The entry of this key, which is made when there is none, alive for `lifetime` from now on.
    /// Strong guarantee: throws std::bad_alloc, and nothing has changed.
    Entry& put(const StoreKey& key, std::uint64_t owner, Second now, Second lifetime) {
        swept_ = (swept_ + 1) % slots;
        sweep(swept_, now);
        sweep(owner % slots, now);
        if (Entry* const known = find(key, now)) {
            renew(indexOf(*known), now, lifetime);
            return *known;
        }
        erase(key);
        const std::uint32_t at = freeEntry(static_cast<std::uint8_t>(owner % slots));
        Entry& entry = entries_[at];
        entry.key = key;
        entry.slot = static_cast<std::uint8_t>(owner % slots);
        entry.nextOfBucket = buckets_[placeOf(key)];
        buckets_[placeOf(key)] = at;
        ++counts_[entry.slot];
        append(at, now, lifetime);
        return entry;
    }

    bool erase(const StoreKey& key) {
        for (std::uint32_t at = bucketOf(key); at != none; at = entries_[at].nextOfBucket)
            if (entries_[at].key == key) {
                remove(at);
                return true;
            }
        return false;
    }

private:
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
    static constexpr std::size_t slots = 128;
    /// Entries of like lifetimes are in one list, so that the first of a list expires first.
    static constexpr std::size_t orders = 4;
    static constexpr std::size_t firstBuckets = 64;
    static constexpr int sweptEachTime = 4;

    struct List {
        std::uint32_t oldest = none;
        std::uint32_t newest = none;
    };

    static std::uint8_t orderOf(Second lifetime) {
        constexpr Second hour = 3600;
        const Second hours = lifetime / hour;
        return static_cast<std::uint8_t>(hours <= 1 ? 0 : hours <= 8 ? 1 : hours <= 24 ? 2 : 3);
    }

    [[nodiscard]] std::size_t placeOf(const StoreKey& key) const {
        return static_cast<std::size_t>(key.low) & (buckets_.size() - 1);
    }
    [[nodiscard]] std::uint32_t bucketOf(const StoreKey& key) const {
        return buckets_.empty() ? none : buckets_[placeOf(key)];
    }
    std::uint32_t indexOf(const Entry& entry) {
        for (std::uint32_t at = bucketOf(entry.key);; at = entries_[at].nextOfBucket)
            if (&entries_[at] == &entry)
                return at;
    }
    List& listOf(const Entry& entry) { return lists_[entry.slot][entry.order]; }

    void append(std::uint32_t at, Second now, Second lifetime) {
        Entry& entry = entries_[at];
        entry.seen = now;
        entry.until = now + std::min(lifetime, std::numeric_limits<Second>::max() - now);
        entry.order = orderOf(lifetime);
        List& list = listOf(entry);
        entry.older = list.newest;
        entry.newer = none;
        (list.newest == none ? list.oldest : entries_[list.newest].newer) = at;
        list.newest = at;
    }

    void unlink(std::uint32_t at) {
        Entry& entry = entries_[at];
        List& list = listOf(entry);
        (entry.older == none ? list.oldest : entries_[entry.older].newer) = entry.newer;
        (entry.newer == none ? list.newest : entries_[entry.newer].older) = entry.older;
    }

    void renew(std::uint32_t at, Second now, Second lifetime) {
        unlink(at);
        append(at, now, lifetime);
    }

    void remove(std::uint32_t at) {
        Entry& entry = entries_[at];
        std::uint32_t* link = &buckets_[placeOf(entry.key)];
        while (*link != at)
            link = &entries_[*link].nextOfBucket;
        *link = entry.nextOfBucket;
        unlink(at);
        --counts_[entry.slot];
        entry.value = Value();
        entry.nextOfBucket = firstUnused_;
        firstUnused_ = at;
        ++unused_;
    }

    /// Drops what has expired among the oldest of a slot.
    void sweep(std::size_t slot, Second now) {
        for (List& list : lists_[slot])
            for (int left = sweptEachTime;
                 left > 0 && list.oldest != none && entries_[list.oldest].until <= now; --left)
                remove(list.oldest);
    }

    /// Where a new entry goes; `slot` is who wants it.
    std::uint32_t freeEntry(std::uint8_t slot) {
        if (size() >= most_)
            makeRoom(slot);
        else if (firstUnused_ == none)
            grow();
        const std::uint32_t at = firstUnused_;
        firstUnused_ = entries_[at].nextOfBucket;
        --unused_;
        return at;
    }

    void grow() {
        if (entries_.size() >= buckets_.size()) {
            std::vector<std::uint32_t> wider(std::max(firstBuckets, 2 * buckets_.size()), none);
            buckets_.swap(wider);
            for (std::uint32_t at = 0; at < entries_.size(); ++at) {
                entries_[at].nextOfBucket = buckets_[placeOf(entries_[at].key)];
                buckets_[placeOf(entries_[at].key)] = at;
            }
        }
        entries_.emplace_back();
        firstUnused_ = static_cast<std::uint32_t>(entries_.size() - 1);
        ++unused_;
    }

    /// Takes the oldest entry of the slot that holds the most; of equals that of who asks.
    void makeRoom(std::uint8_t slot) {
        auto victim = static_cast<std::size_t>(std::max_element(counts_.begin(), counts_.end()) -
                                               counts_.begin());
        if (counts_[slot] == counts_[victim])
            victim = slot;
        std::uint32_t oldest = none;
        for (const List& list : lists_[victim])
            if (list.oldest != none &&
                (oldest == none || entries_[list.oldest].seen < entries_[oldest].seen))
                oldest = list.oldest;
        remove(oldest);
    }

    const std::uint32_t most_;
    std::deque<Entry> entries_;
    std::vector<std::uint32_t> buckets_; ///< a power of two, by the low bits of the key
    std::uint32_t firstUnused_ = none;   ///< chained by nextOfBucket
    std::size_t unused_ = 0;
    std::array<std::array<List, orders>, slots> lists_{};
    std::array<std::uint32_t, slots> counts_{};
    std::size_t swept_ = 0;
};

} // namespace sluice
