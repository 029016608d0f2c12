// SPDX-License-Identifier: BSD-2-Clause
#include "milter/dnsbl_self_test.hh"

#include "common/log.hh"
#include "milter/adapters/dnsbl_answer.hh"

#include <algorithm>
#include <utility>

namespace sluice {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// How often it looks for answers while a test is under way.
constexpr std::chrono::milliseconds lookAgain = 20ms;
constexpr std::chrono::seconds longestSleep = 3600s;
/// Before it goes on when memory is out.
constexpr std::chrono::seconds afterTrouble = 1s;

/// Most lists have no IPv6 part: that one is missing there is no news.
LogLevel levelOf(const SelfTestResult& failure, IpFamily family) {
    return family == IpFamily::v6 && failure.kind == SelfTestResult::Kind::missing
               ? LogLevel::info
               : LogLevel::warning;
}

std::string_view forFamily(IpFamily family) {
    return family == IpFamily::v6 ? " for IPv6" : "";
}

} // namespace

DnsblSelfTest::~DnsblSelfTest() {
    {
        const std::lock_guard guard(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable())
        thread_.join();
}

void DnsblSelfTest::configure(std::shared_ptr<Resolver> resolver, const std::vector<List>& lists) {
    std::vector<Subject> replaced; // let go after the lock: a resolver takes its time to end
    const std::lock_guard guard(mutex_);
    std::vector<Subject> subjects;
    for (const List& list : lists) {
        subjects.push_back(subjectFor(list, IpFamily::v4));
        if (list.zone.ipv6)
            subjects.push_back(subjectFor(list, IpFamily::v6));
    }
    replaced.swap(subjects_);
    subjects_.swap(subjects);
    resolver_.swap(resolver);
    for (const Subject& old : replaced)
        if (!find(old.list.zone.name, old.family))
            old.list.state->setSuspended(old.family, false);
    if (!thread_.joinable() && !subjects_.empty())
        thread_ = std::thread([this] { run(); });
    changed_.notify_all();
}

const DnsblSelfTest::Subject* DnsblSelfTest::find(std::string_view zone, IpFamily family) const {
    for (const Subject& subject : subjects_)
        if (subject.family == family && subject.list.zone.name == zone)
            return &subject;
    return nullptr;
}

DnsblSelfTest::Subject DnsblSelfTest::subjectFor(const List& list, IpFamily family) const {
    Subject subject{list, family, DnsblHealth(schedule_), {}, nullptr, nullptr, {}};
    if (const Subject* known = find(list.zone.name, family)) {
        subject.health = known->health;
        subject.lastFailure = known->lastFailure;
        subject.health.testNow();
    }
    return subject;
}

std::optional<DnsblSelfTest::Suspension> DnsblSelfTest::suspension(const std::string& zone,
                                                                   IpFamily family) const {
    const std::lock_guard guard(mutex_);
    const Subject* subject = find(zone, family);
    if (subject == nullptr || !subject->health.suspended())
        return std::nullopt;
    return Suspension{subject->lastFailure.reason, subject->health.suspendedSince(),
                      subject->health.nextTest()};
}

void DnsblSelfTest::run() noexcept {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        SteadyTime next = Clock::now() + afterTrouble;
        try {
            next = work(Clock::now());
        } catch (...) { // no memory: later
        }
        changed_.wait_until(lock, next);
    }
}

/// Does what can be done now, and says when to look again.
SteadyTime DnsblSelfTest::work(SteadyTime now) {
    SteadyTime next = now + longestSleep;
    for (Subject& subject : subjects_) {
        if (!subject.mustBeListed && subject.health.nextTest() <= now)
            begin(subject, now);
        if (subject.mustBeListed)
            collect(subject, now);
        next = std::min(next, subject.mustBeListed ? now + lookAgain : subject.health.nextTest());
    }
    return next;
}

void DnsblSelfTest::begin(Subject& subject, SteadyTime now) const {
    const auto names = SelfTestNames::of(subject.list.zone, subject.family);
    auto mustNotBeListed = resolver_->start(names.mustNotBeListed, Resolver::Freshness::fresh);
    subject.mustBeListed = resolver_->start(names.mustBeListed, Resolver::Freshness::fresh);
    subject.mustNotBeListed = std::move(mustNotBeListed);
    subject.started = now;
}

void DnsblSelfTest::collect(Subject& subject, SteadyTime now) const {
    const auto good = subject.mustBeListed->waitUntil({});
    const auto bad = subject.mustNotBeListed->waitUntil({});
    if ((!good || !bad) && now < subject.started + schedule_.answerWithin)
        return;
    subject.mustBeListed.reset();
    subject.mustNotBeListed.reset();
    const DnsblAnswer goodAnswer = dnsblAnswerOf(good.get());
    const DnsblAnswer badAnswer = dnsblAnswerOf(bad.get());
    const DnsblZone& zone = subject.list.zone;
    subject.list.state->noteProviderErrors(zone, goodAnswer);
    subject.list.state->noteProviderErrors(zone, badAnswer);
    conclude(subject, SelfTestResult::judge(goodAnswer, badAnswer, zone.errors, subject.family),
             now);
}

void DnsblSelfTest::conclude(Subject& subject, const SelfTestResult& result, SteadyTime now) const {
    const std::string& shown = subject.list.zone.shown;
    const std::string_view family = forFamily(subject.family);
    if (result.failed())
        subject.lastFailure = result;
    switch (subject.health.record(result, now)) {
    case DnsblHealth::Change::suspended:
        subject.list.state->setSuspended(subject.family, true);
        log::at(levelOf(result, subject.family), LogCategory::dnsbl,
                "list {} is suspended{} and matches nothing: {}", shown, family, result.reason);
        return;
    case DnsblHealth::Change::recovered:
        subject.list.state->setSuspended(subject.family, false);
        log::at(levelOf(subject.lastFailure, subject.family), LogCategory::dnsbl,
                "list {} passes its self-test{} and is in use again", shown, family);
        return;
    case DnsblHealth::Change::none:
        break;
    }
    log::debug(LogCategory::dnsbl, "self-test of list {}{}: {}", shown, family,
               result.reason.empty() ? "passed" : result.reason);
}

} // namespace sluice
