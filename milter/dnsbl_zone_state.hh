// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/ip_network.hh"
#include "milter/adapters/duration_histogram.hh"
#include "milter/policy/dnsbl_rules.hh"

#include <atomic>
#include <cstdint>

namespace sluice {

/// What is counted and known about one list. Sessions, the self-test and `status` share it; all
/// members may be used by any thread.
struct DnsblZoneState {
    DurationHistogram answerTimes; ///< of answers that did not come from the cache
    std::atomic<std::uint64_t> queries{0};
    std::atomic<std::uint64_t> listed{0};
    std::atomic<std::uint64_t> notListed{0};
    std::atomic<std::uint64_t> unknown{0};
    std::atomic<std::uint64_t> providerErrors{0};

    [[nodiscard]] bool suspended(IpFamily family) const;
    void setSuspended(IpFamily family, bool suspended);

    /// Counts the answer, and logs provider errors, at most once a minute.
    void count(const DnsblZone& zone, const DnsblAnswer& answer);
    /// Only the log line of count().
    void noteProviderErrors(const DnsblZone& zone, const DnsblAnswer& answer);

private:
    std::atomic<bool> suspendedIpv4_{false};
    std::atomic<bool> suspendedIpv6_{false};
    std::atomic<std::int64_t> quietUntil_{
        0}; ///< steady clock, ms: no provider error is logged before
};

} // namespace sluice
