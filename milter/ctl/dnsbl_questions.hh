// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/ip_network.hh"
#include "milter/adapters/resolver.hh"
#include "milter/policy/dnsbl_health.hh"
#include "milter/policy/dnsbl_rules.hh"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

/// What `dnsbl test` asks, with the names, answers and judgements of the filter itself.
namespace sluice::ctl {

/// An answer of a list about an address.
struct DnsblFinding {
    std::string address;               ///< `192.0.2.4`, or an entry of the self-test
    DnsblAnswer answer;                ///< with its codes in order
    std::string why;                   ///< of an unknown answer; may be empty
    std::chrono::microseconds time{0}; ///< until it came; of no answer: how long it was waited for
};

/// The self-test of a list for one family.
struct DnsblTest {
    IpFamily family = IpFamily::v4;
    DnsblFinding mustBeListed;
    DnsblFinding mustNotBeListed;
    SelfTestResult result;

    /// The filter suspends such a list, or would if it had an answer. That there is no part for
    /// IPv6 is the usual case.
    [[nodiscard]] bool bad() const {
        return result.kind != SelfTestResult::Kind::passed &&
               !(family == IpFamily::v6 && result.kind == SelfTestResult::Kind::missing);
    }
};

struct DnsblZoneFindings {
    std::vector<DnsblTest> tests;
    /// About each address; nothing: the list is not asked about IPv6.
    std::vector<std::optional<DnsblFinding>> addresses;
};

/// Asks the list of each zone for its test entries and about these addresses, all at once, and
/// never a cache of this process. An answer about an address that takes longer than `timeout` is
/// unknown, as it is to the filter.
std::vector<DnsblZoneFindings> askLists(Resolver& resolver, const std::vector<DnsblZone>& zones,
                                        const std::vector<IpAddress>& addresses,
                                        std::chrono::milliseconds timeout);

} // namespace sluice::ctl
