// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/report.hh"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

namespace sluice::ctl {
namespace {

/// Commands that are refused before there is a message.
bool isBeforeMessage(const TrackingRecord& record) {
    const std::string_view stage = record.stage;
    return stage == "connect" || stage == "helo" || stage == "mail" || stage == "rcpt";
}

bool isRefusal(const TrackingRecord& record) {
    return record.event == TrackingEvent::refuse || record.action == "refuse" ||
           record.action == "reject";
}

/// What is done to mail in a loop or to a copy besides: it is marked, its return path is replaced,
/// or the operator is told.
bool endsMessage(std::string_view action) {
    return action == "hold" || action == "discard" || action == "refuse" || action == "reject";
}

/// Which message a record is about; 0: none that another record could be about.
std::uint64_t messageOf(const TrackingRecord& record) {
    if (record.queueId.empty() || (isRefusal(record) && isBeforeMessage(record)))
        return 0;
    return std::hash<std::string>{}(record.node + '\n' + std::to_string(record.session) + '\n' +
                                    record.queueId);
}

/// The names of a message are another's some time later.
constexpr std::chrono::hours longestMessage{1};

/// Enough to name them.
std::vector<std::string> firstOf(const std::vector<std::string>& recipients) {
    constexpr std::size_t most = 2;
    constexpr std::size_t longest = 320;
    std::vector<std::string> first;
    for (std::size_t i = 0; i < std::min(most, recipients.size()); ++i)
        first.push_back(recipients[i].substr(0, longest));
    return first;
}

/// Who may be answered; a null return path has only an author.
std::string_view senderOf(const TrackingRecord& record) {
    if (record.returnPathBefore && !record.returnPathBefore->empty())
        return *record.returnPathBefore;
    if (!record.returnPathBefore && record.returnPath && !record.returnPath->empty())
        return *record.returnPath;
    return record.sender.empty() ? std::string_view("<>") : std::string_view(record.sender);
}

} // namespace

std::optional<Outcome> outcomeOf(const TrackingRecord& record) {
    if (record.observed)
        return std::nullopt;
    switch (record.event) {
    case TrackingEvent::receive:
        return Outcome::accepted;
    case TrackingEvent::refuse:
        return Outcome::refused;
    case TrackingEvent::discard:
    case TrackingEvent::badmail:
    case TrackingEvent::hold:
        return Outcome::setAside;
    case TrackingEvent::loop:
    case TrackingEvent::duplicate:
        if (endsMessage(record.action))
            return Outcome::cut;
        return std::nullopt;
    case TrackingEvent::transfer:
    case TrackingEvent::redirect:
    case TrackingEvent::mark:
    case TrackingEvent::bounce:
    case TrackingEvent::counts:
        return std::nullopt;
    }
    return std::nullopt;
}

Report::Report(ReportRequest request)
    : request_(std::move(request)), traffic_(request_.first, request_.last, request_.daysBefore) {}

void Report::add(const TrackingRecord& record) {
    const auto place = traffic_.placeOf(record.time);
    if (!place)
        return;
    if (const auto outcome = outcomeOf(record))
        count(record, *place, *outcome);
    if (traffic_.isReported(*place))
        addToTotals(record);
}

bool Report::isOf(const Latest& latest, const TrackingRecord& record) {
    const std::uint64_t message = messageOf(record);
    return message != 0 && latest.message == message &&
           std::chrono::abs(record.time - latest.time) <= longestMessage;
}

void Report::addToTotals(const TrackingRecord& record) {
    const Latest& latest = latest_[messageOf(record) % latestMessages];
    if (!isOf(latest, record) || !record.recipients.empty() || record.event != TrackingEvent::loop)
        return totals_.add(record);
    TrackingRecord whole = record;
    whole.recipients = latest.recipients;
    totals_.add(whole);
}

void Report::count(const TrackingRecord& record, const ReportTraffic::Place& place,
                   Outcome outcome) {
    const std::uint64_t message = messageOf(record);
    Latest& latest = latest_[message % latestMessages];
    if (isOf(latest, record)) {
        if (outcome > latest.outcome)
            traffic_.move(latest.place, std::exchange(latest.outcome, outcome), outcome);
        return;
    }
    if (message != 0)
        latest = {message, record.time, place, outcome, firstOf(record.recipients)};
    traffic_.count(place, outcome);
    if (traffic_.isReported(place) && !record.recipients.empty())
        traffic_.countPair(place, senderOf(record), record.recipients.front());
}

} // namespace sluice::ctl
