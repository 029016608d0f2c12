// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/ip_network.hh"
#include "milter/adapters/duration_histogram.hh"
#include "milter/adapters/resolver.hh"
#include "milter/blocked_callbacks.hh"
#include "milter/policy/dnsbl_health.hh"
#include "milter/policy/dnsbl_rules.hh"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sluice {

/// A list as the operator sees it. Numbers count since the zone was first configured.
struct DnsblZoneStatus {
    std::string zone;          ///< DnsblZone::shown
    std::uint64_t queries = 0; ///< look-ups for clients, those answered from a cache among them
    std::uint64_t listed = 0;
    std::uint64_t notListed = 0;
    std::uint64_t unknown = 0;             ///< no answer in time, or of provider errors only
    std::uint64_t providerErrors = 0;      ///< answers with at least one provider error
    DurationHistogram::Totals answerTimes; ///< of answers that did not come from the cache
    bool suspendedIpv4 = false;
    bool suspendedIpv6 = false;
    std::string reasonIpv4; ///< why suspended; empty when it is not
    std::string reasonIpv6;
    /// How long it is suspended, and in what time it is probed; 0 when it is not suspended.
    std::chrono::seconds suspendedForIpv4{0};
    std::chrono::seconds suspendedForIpv6{0};
    std::chrono::seconds probeInIpv4{0};
    std::chrono::seconds probeInIpv6{0};
};

/// Asks the lists for the sessions, and tests the lists themselves in a thread of its own. Lives
/// over reloads. Threads: any.
class DnsblService {
public:
    /// `blocked`, when given, is told of each answer that a session really has to wait for.
    explicit DnsblService(std::shared_ptr<BlockedCallbacks> blocked = nullptr,
                          const SelfTestSchedule& schedule = {});
    /// Ends the thread; answers that sessions hold stay good.
    ~DnsblService();
    DnsblService(const DnsblService&) = delete;
    DnsblService& operator=(const DnsblService&) = delete;

    /// At start and at each reload: what is asked from now on. Zones that stay keep their counters
    /// and their state; all are tested at once. Without `selfTest` none is tested or suspended.
    void configure(const std::shared_ptr<Resolver>& resolver, const std::vector<DnsblZone>& zones,
                   bool selfTest);

    /// Sends the questions of all rules that are for this client, each zone once, and does not
    /// wait. Each answer is unknown `timeout` after this call at the latest, and stays what it was
    /// once given. The result may outlive a reload and this service. nullptr only when memory is
    /// out.
    std::unique_ptr<DnsblAnswers> start(std::shared_ptr<const DnsblRules> rules,
                                        const IpAddress& client,
                                        std::chrono::milliseconds timeout) noexcept;

    [[nodiscard]] std::vector<DnsblZoneStatus> status() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace sluice
