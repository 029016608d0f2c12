// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/dnsbl_rules.hh"
#include "milter/policy/time_point.hh"

#include <chrono>
#include <cstdint>
#include <string>

/// The self-test of a list (RFC 5782 section 5): 127.0.0.2 must be listed and 127.0.0.1 must not.
/// Pure: the answers and the time come from elsewhere.
namespace sluice {

/// The two names that are asked, with the final dot. IPv6 asks for ::ffff:127.0.0.2 and
/// ::ffff:127.0.0.1.
struct SelfTestNames {
    std::string mustBeListed;
    std::string mustNotBeListed;

    static SelfTestNames of(const DnsblZone& zone, IpFamily family);
};

struct SelfTestResult {
    enum class Kind : std::uint8_t {
        passed,
        missing,      ///< the test entry is not listed
        listsWorld,   ///< an address that can never be listed is
        inconclusive, ///< no answer, or only provider errors: says nothing about the list
    };

    Kind kind = Kind::inconclusive;
    std::string reason; ///< for the log; empty when passed

    /// What both answers together say; `errors` are the zone's further provider errors.
    static SelfTestResult judge(const DnsblAnswer& mustBeListed, const DnsblAnswer& mustNotBeListed,
                                const CodeRanges& errors, IpFamily family);
    [[nodiscard]] bool failed() const { return kind == Kind::missing || kind == Kind::listsWorld; }
};

/// When a list is tested.
struct SelfTestSchedule {
    std::chrono::milliseconds interval = std::chrono::minutes(10);  ///< after a pass
    std::chrono::milliseconds repeat = std::chrono::seconds(1);     ///< after a first failure
    std::chrono::milliseconds firstProbe = std::chrono::seconds(2); ///< then doubled …
    std::chrono::milliseconds lastProbe = std::chrono::minutes(10); ///< … up to this
    std::chrono::milliseconds answerWithin =
        std::chrono::seconds(5); ///< later answers do not count
};

/// Whether one list is in use for one family, and when it is to be tested next. One thread at a
/// time.
class DnsblHealth {
public:
    enum class Change : std::uint8_t { none, suspended, recovered };

    explicit DnsblHealth(const SelfTestSchedule& schedule) : schedule_(schedule) {}

    /// Two failures in a row suspend the list, a pass lifts it; an inconclusive test changes
    /// neither, and is repeated with the back-off of a suspended list.
    Change record(const SelfTestResult& result, SteadyTime now);

    [[nodiscard]] bool suspended() const { return suspended_; }
    /// While it is suspended.
    [[nodiscard]] SteadyTime suspendedSince() const { return suspendedSince_; }
    /// When the next test is due; the clock's beginning before the first.
    [[nodiscard]] SteadyTime nextTest() const { return nextTest_; }
    /// A test is due at once, and the history stays.
    void testNow() { nextTest_ = {}; }

private:
    void backOff(SteadyTime now);

    SelfTestSchedule schedule_;
    SteadyTime nextTest_;
    SteadyTime suspendedSince_;
    std::chrono::milliseconds probe_{0}; ///< the last pause of the back-off; 0 when there is none
    bool failedBefore_ = false;
    bool suspended_ = false;
};

} // namespace sluice
