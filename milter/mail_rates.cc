// SPDX-License-Identifier: BSD-2-Clause
#include "milter/mail_rates.hh"

#include <algorithm>

namespace sluice {
namespace {

constexpr unsigned half = 32;
constexpr std::uint64_t lowerHalf = 0xffff'ffff;

/// 0 is no second: that of a place where nothing was counted yet.
std::uint64_t secondOf(MailRates::Time time) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
    return static_cast<std::uint64_t>(whole) + 1;
}

} // namespace

void MailRates::Seconds::add(Time now) {
    const std::uint64_t second = secondOf(now);
    std::atomic<std::uint64_t>& place = counts_[second % kept];
    std::uint64_t known = place.load(std::memory_order_relaxed);
    std::uint64_t next = 0;
    do {
        if (known >> half > second)
            return; // this thread has slept for an hour
        next = known >> half == second ? known + 1 : (second << half) + 1;
    } while (!place.compare_exchange_weak(known, next, std::memory_order_relaxed));
}

std::uint64_t MailRates::Seconds::within(std::chrono::seconds time, Time now) const {
    const std::uint64_t last = secondOf(now);
    const auto wanted =
        std::clamp<std::uint64_t>(static_cast<std::uint64_t>(time.count()), 1, kept);
    std::uint64_t sum = 0;
    for (const auto& place : counts_) {
        const std::uint64_t known = place.load(std::memory_order_relaxed);
        const std::uint64_t second = known >> half;
        if (second != 0 && second <= last && second + wanted > last)
            sum += known & lowerHalf;
    }
    return sum;
}

} // namespace sluice
