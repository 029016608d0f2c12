// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/report_json.hh"

#include "common/timestamp.hh"
#include "milter/ctl/json_text.hh"
#include "milter/policy/duplicate_filter.hh"

#include <nlohmann/json.hpp>

#include <array>
#include <string_view>

namespace sluice::ctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t mostRows = 100;
constexpr std::array<std::string_view, outcomeCount> outcomeKeys{"accepted", "refused", "setAside",
                                                                 "cut"};

void putCounts(const OutcomeCounts& counts, Json& object) {
    for (std::size_t outcome = 0; outcome < outcomeCount; ++outcome)
        object[outcomeKeys[outcome]] = counts[outcome];
}

void putSpan(const Span& span, Json& object) {
    object["first"] = formatTimestamp(span.first);
    object["last"] = formatTimestamp(span.last);
}

/// An object for each row by `put(value, object)`, with its count.
template<typename Value, typename Put>
Json tableOf(const TopTable<Value>& table, const Put& put) {
    auto rows = Json::array();
    for (const auto& [key, entry] : table.top(mostRows)) {
        Json row{{"count", entry.count}};
        put(entry.value, row);
        rows.push_back(std::move(row));
    }
    return {{"distinct", table.size()}, {"forgotten", table.forgotten()}, {"rows", rows}};
}

Json daysOf(const ReportTraffic& traffic) {
    auto days = Json::array();
    for (std::size_t day = traffic.firstDay(); day < traffic.days(); ++day) {
        const ReportDay& calendar = traffic.calendar(day);
        const auto usual = traffic.usual(day);
        auto quarters = Json::array();
        for (std::size_t quarter = 0; quarter < calendar.quarters(); ++quarter) {
            Json each{{"from", formatTimestamp(calendar.beginOfQuarter(quarter))}};
            putCounts(traffic.at(day, quarter), each);
            each["usual"] = usual.empty() ? Json() : Json(usual[quarter]);
            quarters.push_back(std::move(each));
        }
        days.push_back({{"day", formatCivilDay(calendar.day())},
                        {"daysBefore", traffic.daysBefore(day)},
                        {"quarters", quarters}});
    }
    return days;
}

Json stormsOf(const ReportTraffic& traffic) {
    auto storms = Json::array();
    for (const Storm& storm : traffic.storms()) {
        const ReportDay& calendar = traffic.calendar(storm.day);
        Json each{{"from", formatTimestamp(calendar.beginOfQuarter(storm.first))},
                  {"until", formatTimestamp(calendar.beginOfQuarter(storm.end))},
                  {"messages", sumOf(storm.counts)}};
        putCounts(storm.counts, each);
        each["usual"] = storm.usual;
        each["usualBySameDay"] = storm.bySameDay;
        if (storm.between > 0)
            each["between"] = {storm.one, storm.other};
        each["betweenMessages"] = storm.between;
        storms.push_back(std::move(each));
    }
    return storms;
}

Json loopsOf(const ReportTotals& totals) {
    return tableOf(totals.loops, [](const LoopPair& pair, Json& row) {
        row["returnPath"] = pair.from;
        row["recipient"] = pair.to;
        row["others"] = pair.others;
        row["actions"] = pair.actions;
        row["reason"] = pair.reason;
        putSpan(pair.span, row);
    });
}

Json copiesOf(const ReportTotals& totals) {
    return tableOf(totals.copies, [](const Copies& copies, Json& row) {
        row["messageId"] = copies.messageId;
        row["returnPath"] = copies.from;
        row["client"] = copies.client;
        row["dropped"] = copies.dropped;
        const auto interval = copies.interval();
        row["intervalSeconds"] = interval ? Json(interval->count()) : Json();
        if (interval)
            row["advice"] = duplicateAdvice;
        putSpan(copies.span, row);
    });
}

Json rulesOf(const ReportTotals& totals) {
    return tableOf(totals.rules, [](const RuleUse& use, Json& row) {
        row["rule"] = use.rule;
        row["event"] = nameOf(use.event);
        row["observed"] = use.observed;
        putSpan(use.span, row);
    });
}

Json zonesOf(const ReportTotals& totals) {
    auto zones = Json::array();
    for (const auto& [key, entry] : totals.zones.top(mostRows)) {
        const ZoneCounts& zone = entry.value;
        zones.push_back({{"zone", zone.zone},
                         {"queries", zone.queries},
                         {"listed", zone.listed},
                         {"unknown", zone.unknown},
                         {"providerErrors", zone.providerErrors}});
    }
    return zones;
}

Json partiesOf(const TopTable<RefusedParty>& parties) {
    return tableOf(parties, [](const RefusedParty& party, Json& row) {
        row["name"] = party.name;
        row["lastRule"] = party.lastRule;
        putSpan(party.span, row);
    });
}

Json totalsOf(const Report& report) {
    OutcomeCounts sum{};
    const ReportTraffic& traffic = report.traffic();
    for (std::size_t day = traffic.firstDay(); day < traffic.days(); ++day)
        for (std::size_t quarter = 0; quarter < traffic.calendar(day).quarters(); ++quarter)
            sum += traffic.at(day, quarter);
    Json totals;
    putCounts(sum, totals);
    totals["octets"] = report.totals().octets();
    totals["observed"] = report.totals().observed();
    return totals;
}

} // namespace

std::string reportJson(const Report& report, const TrackingTally& tally) {
    const ReportRequest& request = report.request();
    const ReportTotals& totals = report.totals();
    Json object{{"title", request.title},
                {"first", formatCivilDay(request.first)},
                {"last", formatCivilDay(request.last)},
                {"made", formatTimestamp(request.now)},
                {"logs", request.logs},
                {"lines", tally.lines},
                {"unreadable", tally.unreadable},
                {"problems", tally.problems}};
    auto nodes = Json::array();
    for (const auto& [node, entry] : totals.nodes.top(mostRows))
        nodes.push_back({{"node", node}, {"events", entry.count}});
    object["nodes"] = nodes;
    object["totals"] = totalsOf(report);
    object["storms"] = stormsOf(report.traffic());
    object["loops"] = loopsOf(totals);
    object["duplicates"] = copiesOf(totals);
    object["lists"] = tableOf(totals.expansions, [](const RefusedExpansion& each, Json& row) {
        row["address"] = each.address;
        row["why"] = each.why;
        row["action"] = each.action;
        putSpan(each.span, row);
    });
    object["members"] = tableOf(totals.members, [](const FailingMember& each, Json& row) {
        row["list"] = each.list;
        row["member"] = each.member;
        putSpan(each.span, row);
    });
    object["rules"] = rulesOf(totals);
    object["dnsbl"] = zonesOf(totals);
    object["clients"] = partiesOf(totals.clients);
    object["senders"] = partiesOf(totals.senders);
    object["days"] = daysOf(report.traffic());
    return jsonLine(object);
}

} // namespace sluice::ctl
