// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/duration_histogram.hh"

#include <algorithm>
#include <numeric>

namespace sluice {

DurationHistogram::Totals& DurationHistogram::Totals::operator+=(const Totals& other) {
    for (std::size_t i = 0; i < counts.size(); ++i)
        counts[i] += other.counts[i];
    sum += other.sum;
    return *this;
}

std::uint64_t DurationHistogram::Totals::count() const {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

std::size_t DurationHistogram::shardOfThread() noexcept {
    static std::atomic<std::size_t> threads{0};
    thread_local const std::size_t mine = threads.fetch_add(1, std::memory_order_relaxed);
    return mine;
}

void DurationHistogram::observe(std::chrono::nanoseconds duration) noexcept {
    duration = std::max(duration, std::chrono::nanoseconds{});
    // most are short, so the first buckets are tried first
    const auto bucket = static_cast<std::size_t>(
        std::find_if(bounds.begin(), bounds.end(),
                     [&](std::chrono::nanoseconds bound) { return duration <= bound; }) -
        bounds.begin());
    Shard& shard = shards_[shardOfThread() % shards_.size()];
    shard.counts[bucket].fetch_add(1, std::memory_order_relaxed);
    shard.nanoseconds.fetch_add(duration.count(), std::memory_order_relaxed);
}

DurationHistogram::Totals DurationHistogram::totals() const noexcept {
    Totals all;
    for (const Shard& shard : shards_) {
        for (std::size_t i = 0; i < all.counts.size(); ++i)
            all.counts[i] += shard.counts[i].load(std::memory_order_relaxed);
        all.sum += std::chrono::nanoseconds(shard.nanoseconds.load(std::memory_order_relaxed));
    }
    return all;
}

} // namespace sluice
