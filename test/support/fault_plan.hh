// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace sluice::faults {

/// What can be made to fail. The test knows these numbers (test/system/harness/faults.py).
enum class Call : std::size_t { memory, thread, write, sync, rename, socket, connect, accept };
constexpr std::size_t callCount = 8;

/// What becomes of one of them; the test may change it at any time. Four octets each, as this
/// machine has them.
struct Fault {
    std::atomic<std::int32_t> error;         ///< an errno; 0: none
    std::atomic<std::uint32_t> every;        ///< about one call in so many fails
    std::atomic<std::uint32_t> milliseconds; ///< by so much a call takes longer
    std::atomic<std::uint32_t> failed;       ///< how many have
    std::atomic<std::uint32_t> spared;       ///< so many go well before
};
using Plan = std::array<Fault, callCount>;

/// The file SLUICE_FAULTS; null without it. Called by the allocator, from before the environment is
/// there: so nothing here allocates.
inline Plan* plan() noexcept {
    static std::atomic<Plan*> mapped{nullptr};
    static std::atomic<bool> looked{false};
    if (looked.load(std::memory_order_acquire) || environ == nullptr)
        return mapped.load(std::memory_order_relaxed);
    const char* const path = std::getenv("SLUICE_FAULTS");
    const int file = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
    void* const place =
        file < 0 ? MAP_FAILED
                 : ::mmap(nullptr, sizeof(Plan), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file >= 0)
        ::close(file);
    if (place != MAP_FAILED)
        mapped.store(static_cast<Plan*>(place), std::memory_order_relaxed);
    looked.store(true, std::memory_order_release);
    return mapped.load(std::memory_order_relaxed);
}

/// One in `every`, without a pattern that could always meet the same call of a message.
inline bool isChosen(std::uint32_t every) noexcept {
    static std::atomic<std::uint64_t> count{0};
    std::uint64_t x = count.fetch_add(0x9E3779B97F4A7C15, std::memory_order_relaxed);
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return every <= 1 || (x ^ (x >> 31)) % every == 0;
}

inline bool isSpared(Fault& fault) noexcept {
    std::uint32_t left = fault.spared.load(std::memory_order_relaxed);
    while (left != 0 &&
           !fault.spared.compare_exchange_weak(left, left - 1, std::memory_order_relaxed)) {
    }
    return left != 0;
}

/// The errno with which this call is to fail; 0: it is to be done, perhaps later than it was asked
/// for.
inline int errorOf(Call call) noexcept {
    Plan* const all = plan();
    if (all == nullptr)
        return 0;
    Fault& fault = (*all)[static_cast<std::size_t>(call)];
    if (const std::uint32_t late = fault.milliseconds.load(std::memory_order_relaxed); late != 0) {
        const timespec time{late / 1000, static_cast<long>(late % 1000) * 1'000'000};
        ::nanosleep(&time, nullptr);
    }
    const int error = fault.error.load(std::memory_order_relaxed);
    if (error == 0 || isSpared(fault) || !isChosen(fault.every.load(std::memory_order_relaxed)))
        return 0;
    fault.failed.fetch_add(1, std::memory_order_relaxed);
    return error;
}

/// False, and errno set: the call is to fail.
inline bool mayBeDone(Call call) noexcept {
    const int error = errorOf(call);
    if (error != 0)
        errno = error;
    return error == 0;
}

} // namespace sluice::faults
