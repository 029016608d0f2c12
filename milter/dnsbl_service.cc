// SPDX-License-Identifier: BSD-2-Clause
#include "milter/dnsbl_service.hh"

#include "common/locked.hh"
#include "common/log.hh"
#include "milter/adapters/dnsbl_answer.hh"
#include "milter/dnsbl_self_test.hh"
#include "milter/dnsbl_zone_state.hh"

#include <algorithm>
#include <map>
#include <optional>
#include <thread>
#include <utility>

namespace sluice {

namespace {

using Clock = std::chrono::steady_clock;

/// What new connections work with; a reload makes another.
struct Setup {
    std::shared_ptr<Resolver> resolver;
    std::vector<DnsblSelfTest::List> lists;
    std::map<std::string, std::shared_ptr<DnsblZoneState>, std::less<>> states; ///< by zone name
};

std::string textOf(const DnsblAnswer& answer) {
    switch (answer.status) {
    case DnsblAnswer::Status::answered:
        break;
    case DnsblAnswer::Status::notListed:
        return "not listed";
    case DnsblAnswer::Status::unknown:
        return "unknown";
    case DnsblAnswer::Status::suspended:
        return "suspended";
    }
    std::string text = "answered";
    for (const DnsblCode code : answer.codes)
        text += ' ' + dnsblCodeText(code);
    return text;
}

/// The questions about one client. Holds all that it needs, whatever happens to the service.
class ClientAnswers final : public DnsblAnswers {
public:
    ClientAnswers(std::shared_ptr<const DnsblRules> rules, const Setup& setup,
                  const IpAddress& client, Clock::time_point deadline,
                  std::shared_ptr<BlockedCallbacks> blocked)
        : rules_(std::move(rules)),
          client_(client),
          deadline_(deadline),
          asked_(Clock::now()),
          blocked_(std::move(blocked)) {
        slots_.reserve(rules_->zones().size());
        for (const DnsblZone& zone : rules_->zones())
            slots_.push_back(ask(zone, setup));
    }

    /// What has come and was not needed counts too.
    ~ClientAnswers() override {
        try {
            for (std::size_t zone = 0; zone < slots_.size(); ++zone)
                if (Slot& slot = slots_[zone]; !slot.answer && slot.pending)
                    if (const auto come = slot.pending->waitUntil({}))
                        take(zone, come.get());
        } catch (...) { // no memory: not counted
        }
    }
    ClientAnswers(const ClientAnswers&) = delete;
    ClientAnswers& operator=(const ClientAnswers&) = delete;

    DnsblAnswer answer(std::size_t zone) override {
        Slot& slot = slots_.at(zone);
        if (!slot.answer && slot.state->suspended(client_.family()))
            slot.answer = suspendedAnswer();
        if (!slot.answer)
            collect(zone);
        return *slot.answer;
    }

private:
    struct Slot {
        std::shared_ptr<DnsblZoneState> state;
        std::shared_ptr<PendingAnswer> pending; ///< null when the zone is not asked
        std::optional<DnsblAnswer> answer;      ///< once it was given
    };

    static DnsblAnswer suspendedAnswer() { return {DnsblAnswer::Status::suspended, {}}; }

    Slot ask(const DnsblZone& zone, const Setup& setup) const {
        const auto known = setup.states.find(zone.name);
        Slot slot{known != setup.states.end() ? known->second : std::make_shared<DnsblZoneState>(),
                  nullptr, std::nullopt};
        if (!setup.resolver || (client_.family() == IpFamily::v6 && !zone.ipv6))
            return slot;
        if (slot.state->suspended(client_.family())) {
            slot.answer = suspendedAnswer();
            return slot;
        }
        slot.pending = setup.resolver->start(queryName(client_, zone), Resolver::Freshness::cached);
        ++slot.state->queries;
        return slot;
    }

    void collect(std::size_t zone) {
        const auto& pending = slots_[zone].pending;
        auto come = pending ? pending->waitUntil({}) : nullptr;
        if (!come && pending && Clock::now() < deadline_) {
            const BlockingScope blocking(blocked_.get());
            come = pending->waitUntil(deadline_);
        }
        take(zone, come.get());
    }

    /// Null: there was none in time.
    void take(std::size_t zone, const AddressAnswer* come) {
        const std::string_view why =
            come == nullptr ? std::string_view("no answer in time") : std::string_view(come->why);
        DnsblAnswer answer = dnsblAnswerOf(come);
        const DnsblZone& asked = rules_->zones()[zone];
        slots_[zone].state->count(asked, answer);
        // one from the cache came before it was asked for
        if (come != nullptr && come->came > asked_)
            slots_[zone].state->answerTimes.observe(come->came - asked_);
        if (log::enabled(LogCategory::dnsbl, LogLevel::debug))
            log::debug(LogCategory::dnsbl, "list {} about {}: {}{}{}", asked.shown, client_.text(),
                       textOf(answer), why.empty() ? "" : ", ", why);
        slots_[zone].answer = std::move(answer);
    }

    std::shared_ptr<const DnsblRules> rules_;
    IpAddress client_;
    Clock::time_point deadline_;
    Clock::time_point asked_;
    std::shared_ptr<BlockedCallbacks> blocked_;
    std::vector<Slot> slots_; ///< one a zone
};

/// 0 where `to` is the earlier one.
std::chrono::seconds secondsFrom(Clock::time_point from, Clock::time_point to) {
    return std::max(std::chrono::ceil<std::chrono::seconds>(to - from), std::chrono::seconds(0));
}

DnsblZoneStatus statusOf(const DnsblSelfTest::List& list, const DnsblSelfTest& selfTest) {
    DnsblZoneStatus status;
    status.zone = list.zone.shown;
    status.queries = list.state->queries;
    status.listed = list.state->listed;
    status.notListed = list.state->notListed;
    status.unknown = list.state->unknown;
    status.providerErrors = list.state->providerErrors;
    status.answerTimes = list.state->answerTimes.totals();
    status.suspendedIpv4 = list.state->suspended(IpFamily::v4);
    status.suspendedIpv6 = list.state->suspended(IpFamily::v6);
    const auto now = Clock::now();
    if (const auto found = selfTest.suspension(list.zone.name, IpFamily::v4)) {
        status.reasonIpv4 = found->reason;
        status.suspendedForIpv4 = secondsFrom(found->since, now);
        status.probeInIpv4 = secondsFrom(now, found->nextProbe);
    }
    if (const auto found = selfTest.suspension(list.zone.name, IpFamily::v6)) {
        status.reasonIpv6 = found->reason;
        status.suspendedForIpv6 = secondsFrom(found->since, now);
        status.probeInIpv6 = secondsFrom(now, found->nextProbe);
    }
    return status;
}

} // namespace

class DnsblService::Impl {
public:
    Impl(std::shared_ptr<BlockedCallbacks> blocked, const SelfTestSchedule& schedule)
        : blocked_(std::move(blocked)),
          setup_(std::make_shared<const Setup>()),
          selfTest_(schedule) {}

    void configure(const std::shared_ptr<Resolver>& resolver, const std::vector<DnsblZone>& zones,
                   bool selfTest) {
        const auto old = setup_.get();
        auto setup = std::make_shared<Setup>();
        for (const DnsblZone& zone : zones) {
            const auto known = old->states.find(zone.name);
            auto state =
                known != old->states.end() ? known->second : std::make_shared<DnsblZoneState>();
            setup->states.emplace(zone.name, state);
            setup->lists.push_back({zone, std::move(state)});
        }
        setup->resolver = resolver;
        selfTest_.configure(resolver, selfTest && resolver ? setup->lists
                                                           : std::vector<DnsblSelfTest::List>());
        setup_.set(std::move(setup));
        // sessions hold the old one while they start, and none of them may be the last to let it
        // go: a resolver takes its time to end
        while (old.use_count() > 1)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }

    std::unique_ptr<DnsblAnswers> start(std::shared_ptr<const DnsblRules> rules,
                                        const IpAddress& client, Clock::time_point deadline) {
        return std::make_unique<ClientAnswers>(std::move(rules), *setup_.get(), client, deadline,
                                               blocked_);
    }

    [[nodiscard]] std::vector<DnsblZoneStatus> status() const {
        std::vector<DnsblZoneStatus> all;
        const auto setup = setup_.get();
        for (const auto& list : setup->lists)
            all.push_back(statusOf(list, selfTest_));
        return all;
    }

private:
    std::shared_ptr<BlockedCallbacks> blocked_;
    Snapshot<Setup> setup_;
    DnsblSelfTest selfTest_;
};

DnsblService::DnsblService(std::shared_ptr<BlockedCallbacks> blocked,
                           const SelfTestSchedule& schedule)
    : impl_(std::make_unique<Impl>(std::move(blocked), schedule)) {}

DnsblService::~DnsblService() = default;

void DnsblService::configure(const std::shared_ptr<Resolver>& resolver,
                             const std::vector<DnsblZone>& zones, bool selfTest) {
    impl_->configure(resolver, zones, selfTest);
}

std::unique_ptr<DnsblAnswers> DnsblService::start(std::shared_ptr<const DnsblRules> rules,
                                                  const IpAddress& client,
                                                  std::chrono::milliseconds timeout) noexcept {
    try {
        return impl_->start(std::move(rules), client, Clock::now() + timeout);
    } catch (...) {
        return nullptr;
    }
}

std::vector<DnsblZoneStatus> DnsblService::status() const {
    return impl_->status();
}

} // namespace sluice
