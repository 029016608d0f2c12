// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sluice {

/// How long things took, in buckets, for all threads of a process: no lock, no memory, and threads
/// that measure at once rarely touch the same cache line.
class DurationHistogram {
public:
    /// Of the buckets, each for what took that long at most; one more is for all that is longer.
    static constexpr std::array<std::chrono::nanoseconds, 16> bounds{
        std::chrono::microseconds(50),   std::chrono::microseconds(100),
        std::chrono::microseconds(250),  std::chrono::microseconds(500),
        std::chrono::milliseconds(1),    std::chrono::microseconds(2500),
        std::chrono::milliseconds(5),    std::chrono::milliseconds(10),
        std::chrono::milliseconds(25),   std::chrono::milliseconds(50),
        std::chrono::milliseconds(100),  std::chrono::milliseconds(250),
        std::chrono::milliseconds(500),  std::chrono::seconds(1),
        std::chrono::milliseconds(2500), std::chrono::seconds(10)};

    struct Totals {
        std::array<std::uint64_t, bounds.size() + 1> counts{}; ///< a bucket each, not cumulative
        std::chrono::nanoseconds sum{};

        Totals& operator+=(const Totals& other);
        [[nodiscard]] std::uint64_t count() const;
    };

    /// What is negative counts as nothing.
    void observe(std::chrono::nanoseconds duration) noexcept;
    /// Others may go on measuring; each of their measurements is in it or not.
    [[nodiscard]] Totals totals() const noexcept;

private:
    static constexpr std::size_t cacheLine = 64;
    struct alignas(cacheLine) Shard {
        std::array<std::atomic<std::uint64_t>, bounds.size() + 1> counts{};
        std::atomic<std::int64_t> nanoseconds{0};
    };
    static std::size_t shardOfThread() noexcept;

    std::array<Shard, 8> shards_;
};

} // namespace sluice
