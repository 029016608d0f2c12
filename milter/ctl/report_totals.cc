// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/report_totals.hh"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace sluice::ctl {
namespace {

using namespace std::chrono_literals;

/// Copies of a message whose times are kept, to tell the interval.
constexpr std::size_t mostTimes = 50;
constexpr std::size_t mostActions = 8;
/// What a table keeps of a text.
constexpr std::size_t longestText = 320;

std::string kept(std::string_view text) {
    return std::string(text.substr(0, longestText));
}

/// Texts of a key; a NUL in one of them can only mix up what comes from one sender.
std::string keyOf(std::string_view a, std::string_view b, std::string_view c = {}) {
    std::string key(a.substr(0, longestText));
    key.append(1, '\0').append(b.substr(0, longestText));
    return key.append(1, '\0').append(c.substr(0, longestText));
}

std::string_view firstRecipient(const TrackingRecord& record) {
    return record.recipients.empty() ? std::string_view() : record.recipients.front();
}

/// As the message came in.
std::string_view cameFrom(const TrackingRecord& record) {
    if (record.returnPathBefore)
        return *record.returnPathBefore;
    return record.returnPath ? std::string_view(*record.returnPath) : std::string_view();
}

std::string_view actionOf(const TrackingRecord& record) {
    if (record.observed)
        return "observed only";
    return record.action.empty() ? nameOf(record.event) : std::string_view(record.action);
}

bool nearlySame(std::chrono::nanoseconds a, std::chrono::nanoseconds b) {
    return std::chrono::abs(a - b) <= std::max<std::chrono::nanoseconds>(2s, b / 10);
}

} // namespace

std::optional<std::chrono::seconds> Copies::interval() const {
    constexpr std::size_t fewest = 3;
    auto sorted = times; // logs of several nodes are read one after the other
    std::sort(sorted.begin(), sorted.end());
    std::vector<std::chrono::nanoseconds> between;
    for (std::size_t i = 1; i < sorted.size(); ++i)
        between.push_back(sorted[i] - sorted[i - 1]);
    if (between.size() < fewest)
        return std::nullopt;
    auto ordered = between;
    const auto middle = ordered.begin() + static_cast<std::ptrdiff_t>(ordered.size() / 2);
    std::nth_element(ordered.begin(), middle, ordered.end());
    const auto same = std::count_if(between.begin(), between.end(),
                                    [&](auto each) { return nearlySame(each, *middle); });
    if (static_cast<std::size_t>(same) * 4 < between.size() * 3 || *middle < 1s)
        return std::nullopt;
    return std::chrono::round<std::chrono::seconds>(*middle);
}

std::string ruleName(const std::string& rule) {
    for (const std::string_view name : {"loop", "duplicates", "max-hops"})
        if (rule.starts_with(name) && rule.size() > name.size() &&
            (rule[name.size()] == ':' || rule[name.size()] == ' '))
            return std::string(name);
    return rule;
}

ReportTotals::ReportTotals() = default;

void ReportTotals::add(const TrackingRecord& record) {
    if (!span_)
        span_ = Span();
    span_->include(record.time);
    nodes.count(record.node);
    observed_ += record.observed ? 1U : 0U;
    switch (record.event) {
    case TrackingEvent::receive:
        octets_ += record.octets;
        return;
    case TrackingEvent::refuse:
        addRefused(record);
        addExpansion(record);
        break;
    case TrackingEvent::redirect:
        addExpansion(record);
        break;
    case TrackingEvent::loop:
        addLoop(record);
        break;
    case TrackingEvent::duplicate:
        addCopy(record);
        break;
    case TrackingEvent::bounce:
        return addBounces(record);
    case TrackingEvent::counts:
        return addZones(record);
    case TrackingEvent::transfer:
    case TrackingEvent::discard:
    case TrackingEvent::badmail:
    case TrackingEvent::hold:
    case TrackingEvent::mark:
        break;
    }
    addRule(record);
}

void ReportTotals::addLoop(const TrackingRecord& record) {
    LoopPair& pair = loops.count(keyOf(cameFrom(record), firstRecipient(record)));
    pair.from = kept(cameFrom(record));
    pair.to = kept(firstRecipient(record));
    pair.others = pair.others || record.recipients.size() > 1;
    const std::size_t colon = record.rule.find(": ");
    pair.reason = kept(colon == std::string::npos ? record.rule : record.rule.substr(colon + 2));
    pair.span.include(record.time);
    const auto action = kept(actionOf(record));
    if (pair.actions.size() < mostActions || pair.actions.count(action) != 0)
        ++pair.actions[action];
}

void ReportTotals::addCopy(const TrackingRecord& record) {
    Copies& each = copies.count(keyOf(record.messageId, record.client));
    each.messageId = kept(record.messageId);
    each.client = kept(record.client);
    each.from = kept(cameFrom(record));
    each.span.include(record.time);
    if (each.times.size() < mostTimes)
        each.times.push_back(record.time);
    each.dropped += record.observed || record.action == "alert" ? 0U : 1U;
}

void ReportTotals::addRule(const TrackingRecord& record) {
    const std::string name = record.rule.empty() ? "(no rule)" : ruleName(record.rule);
    RuleUse& use = rules.count(keyOf(name, nameOf(record.event)));
    use.rule = kept(name);
    use.event = record.event;
    use.observed += record.observed ? 1U : 0U;
    use.span.include(record.time);
}

/// The rules are `list ADDRESS WHY` and `robot ADDRESS WHY`.
void ReportTotals::addExpansion(const TrackingRecord& record) {
    std::string_view rule = record.rule;
    if (!rule.starts_with("list ") && !rule.starts_with("robot "))
        return;
    rule.remove_prefix(rule.find(' ') + 1);
    const std::size_t end = std::min(rule.find(' '), rule.size());
    const std::string_view address = rule.substr(0, end);
    std::string_view why = rule.substr(std::min(end + 1, rule.size()));
    if (record.event == TrackingEvent::refuse && why.empty())
        why = "sender may not post";
    else if (why == "accept-from=authenticated")
        why = "sender is not authenticated";
    else if (!record.messageClass.empty())
        why = record.messageClass;
    RefusedExpansion& each = expansions.count(keyOf(address, why, actionOf(record)));
    each.address = kept(address);
    each.why = kept(why);
    each.action = kept(actionOf(record));
    each.span.include(record.time);
}

void ReportTotals::addRefused(const TrackingRecord& record) {
    const auto count = [&](TopTable<RefusedParty>& table, std::string_view name) {
        RefusedParty& party = table.count(name.substr(0, longestText));
        party.name = kept(name);
        party.lastRule = kept(record.rule);
        party.span.include(record.time);
    };
    if (record.observed)
        return;
    if (!record.client.empty())
        count(clients, record.client);
    if (record.returnPath || record.returnPathBefore)
        count(senders, cameFrom(record));
}

void ReportTotals::addBounces(const TrackingRecord& record) {
    const std::string_view rule = record.rule;
    const std::string_view list = rule.starts_with("list ") ? rule.substr(5) : rule;
    for (const std::string& member : record.recipients) {
        FailingMember& each = members.count(keyOf(list, member));
        each.list = kept(list);
        each.member = kept(member);
        each.span.include(record.time);
    }
}

void ReportTotals::addZones(const TrackingRecord& record) {
    for (const ZoneCounts& zone : record.zones) {
        ZoneCounts& sum = zones.count(zone.zone);
        sum.zone = kept(zone.zone);
        sum.queries += zone.queries;
        sum.listed += zone.listed;
        sum.unknown += zone.unknown;
        sum.providerErrors += zone.providerErrors;
    }
}

} // namespace sluice::ctl
