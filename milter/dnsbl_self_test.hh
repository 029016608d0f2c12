// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/resolver.hh"
#include "milter/dnsbl_zone_state.hh"
#include "milter/policy/dnsbl_health.hh"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace sluice {

/// Tests the lists in a thread of its own, suspends those that fail and lifts that again. Each list
/// is tested and judged for each address family on its own. Threads: any.
class DnsblSelfTest {
public:
    struct List {
        DnsblZone zone;
        std::shared_ptr<DnsblZoneState> state;
    };

    explicit DnsblSelfTest(const SelfTestSchedule& schedule) : schedule_(schedule) {}
    ~DnsblSelfTest();
    DnsblSelfTest(const DnsblSelfTest&) = delete;
    DnsblSelfTest& operator=(const DnsblSelfTest&) = delete;

    /// Tests these lists from now on, the first time at once; those that were there keep what is
    /// known about them. The others are let go, and what was under way is forgotten.
    void configure(std::shared_ptr<Resolver> resolver, const std::vector<List>& lists);

    struct Suspension {
        std::string reason;
        SteadyTime since;
        SteadyTime nextProbe; ///< in the past while one is under way
    };
    /// Of a list that is suspended; nothing when it is not.
    [[nodiscard]] std::optional<Suspension> suspension(const std::string& zone,
                                                       IpFamily family) const;

private:
    /// One list for one family.
    struct Subject {
        List list;
        IpFamily family;
        DnsblHealth health;
        SelfTestResult lastFailure;
        std::shared_ptr<PendingAnswer> mustBeListed; ///< null while no test is under way
        std::shared_ptr<PendingAnswer> mustNotBeListed;
        SteadyTime started;
    };

    const Subject* find(std::string_view zone, IpFamily family) const;
    Subject subjectFor(const List& list, IpFamily family) const;
    void run() noexcept;
    SteadyTime work(SteadyTime now);
    void begin(Subject& subject, SteadyTime now) const;
    void collect(Subject& subject, SteadyTime now) const;
    void conclude(Subject& subject, const SelfTestResult& result, SteadyTime now) const;

    const SelfTestSchedule schedule_;
    mutable std::mutex mutex_; ///< of all below
    std::condition_variable changed_;
    std::shared_ptr<Resolver> resolver_;
    std::vector<Subject> subjects_;
    bool stopping_ = false;
    std::thread thread_; ///< begins with the first list
};

} // namespace sluice
