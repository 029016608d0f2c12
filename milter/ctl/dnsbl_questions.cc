// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/dnsbl_questions.hh"

#include "milter/adapters/dnsbl_answer.hh"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

namespace sluice::ctl {
namespace {

using Clock = std::chrono::steady_clock;

/// By which the times are exact.
constexpr std::chrono::milliseconds lookAgain{1};

/// A question that is on its way, and where its answer belongs.
struct Asked {
    std::shared_ptr<PendingAnswer> pending;
    Clock::time_point deadline;
    DnsblFinding* into;
};

class Questions {
public:
    Questions(Resolver& resolver, std::chrono::milliseconds timeout)
        : resolver_(resolver), timeout_(timeout) {}

    /// `into` must stay where it is until collect() returns.
    void askAbout(const IpAddress& address, const DnsblZone& zone, DnsblFinding& into) {
        into.address = address.text();
        ask(queryName(address, zone), timeout_, into);
    }
    void askTest(const DnsblZone& zone, DnsblTest& test);
    void collect();

private:
    void ask(const std::string& name, std::chrono::milliseconds patience, DnsblFinding& into) {
        asked_.push_back(
            {resolver_.start(name, Resolver::Freshness::fresh), Clock::now() + patience, &into});
        startedAt_.push_back(Clock::now());
    }
    [[nodiscard]] bool collectOne(std::size_t number);

    Resolver& resolver_;
    const std::chrono::milliseconds timeout_;
    std::vector<Asked> asked_;
    std::vector<Clock::time_point> startedAt_;
};

void Questions::askTest(const DnsblZone& zone, DnsblTest& test) {
    const std::string prefix = test.family == IpFamily::v6 ? "::ffff:" : "";
    const auto names = SelfTestNames::of(zone, test.family);
    const auto patience = SelfTestSchedule{}.answerWithin;
    test.mustBeListed.address = prefix + "127.0.0.2";
    test.mustNotBeListed.address = prefix + "127.0.0.1";
    ask(names.mustBeListed, patience, test.mustBeListed);
    ask(names.mustNotBeListed, patience, test.mustNotBeListed);
}

/// True: it is answered, or nobody waits for it any more.
bool Questions::collectOne(std::size_t number) {
    const Asked& asked = asked_[number];
    const auto come = asked.pending->waitUntil({});
    const auto now = Clock::now();
    if (!come && now < asked.deadline)
        return false;
    asked.into->answer = dnsblAnswerOf(come.get());
    std::sort(asked.into->answer.codes.begin(), asked.into->answer.codes.end());
    asked.into->why = come ? come->why : "no answer in time";
    asked.into->time =
        std::chrono::duration_cast<std::chrono::microseconds>(now - startedAt_[number]);
    return true;
}

void Questions::collect() {
    std::vector<bool> done(asked_.size(), false);
    for (std::size_t left = asked_.size(); left > 0; std::this_thread::sleep_for(lookAgain))
        for (std::size_t number = 0; number < asked_.size(); ++number)
            if (!done[number] && collectOne(number)) {
                done[number] = true;
                --left;
            }
}

} // namespace

std::vector<DnsblZoneFindings> askLists(Resolver& resolver, const std::vector<DnsblZone>& zones,
                                        const std::vector<IpAddress>& addresses,
                                        std::chrono::milliseconds timeout) {
    std::vector<DnsblZoneFindings> findings(zones.size());
    Questions questions(resolver, timeout);
    for (std::size_t zone = 0; zone < zones.size(); ++zone) {
        DnsblZoneFindings& found = findings[zone];
        found.tests.push_back({IpFamily::v4, {}, {}, {}});
        if (zones[zone].ipv6)
            found.tests.push_back({IpFamily::v6, {}, {}, {}});
        for (const IpAddress& address : addresses)
            found.addresses.push_back(address.family() == IpFamily::v4 || zones[zone].ipv6
                                          ? std::optional(DnsblFinding{})
                                          : std::nullopt);
        for (DnsblTest& test : found.tests)
            questions.askTest(zones[zone], test);
        for (std::size_t i = 0; i < addresses.size(); ++i)
            if (auto& finding = found.addresses[i])
                questions.askAbout(addresses[i], zones[zone], *finding);
    }
    questions.collect();
    for (std::size_t zone = 0; zone < zones.size(); ++zone)
        for (DnsblTest& test : findings[zone].tests)
            test.result =
                SelfTestResult::judge(test.mustBeListed.answer, test.mustNotBeListed.answer,
                                      zones[zone].errors, test.family);
    return findings;
}

} // namespace sluice::ctl
