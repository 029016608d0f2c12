// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/mx_report.hh"

#include "common/text.hh"
#include "common/timestamp.hh"
#include "milter/ctl/json_text.hh"

#include <fmt/ostream.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::ctl {
namespace {

using Json = nlohmann::ordered_json;
using Row = std::array<std::string, 7>;

double milliseconds(std::chrono::microseconds time) {
    return std::chrono::duration<double, std::milli>(time).count();
}

bool wasTried(const SmtpStep& step) {
    return step.end != SmtpStep::End::notTried;
}

/// Fit for a table.
std::string shownTime(const SmtpStep& step) {
    return step.end == SmtpStep::End::done ? fmt::format("{:.0f} ms", milliseconds(step.took))
                                           : "-";
}

std::string preferenceOf(const MailExchanger& exchanger) {
    return exchanger.record ? std::to_string(exchanger.record->preference) : "-";
}

void addRows(const MxHost& host, std::vector<Row>& rows) {
    const std::string name = escapeForDisplay(host.exchanger.name);
    const std::string preference = preferenceOf(host.exchanger);
    if (!host.findings.empty())
        rows.push_back({preference, name, "-", "-", "-", "-", textOf(host.findings)});
    for (const MxServer& server : host.servers)
        rows.push_back({preference, name, server.address.text(), shownTime(server.probe.connect),
                        shownTime(server.probe.banner), shownTime(server.probe.ehlo),
                        textOf(server.findings)});
}

void showTable(const std::vector<Row>& rows, std::ostream& out) {
    std::array<std::size_t, std::tuple_size_v<Row>> width{};
    for (const Row& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i)
            width[i] = std::max(width[i], row[i].size());
    for (const Row& row : rows)
        fmt::print(out, "  {:>{}}  {:{}}  {:{}}  {:>{}}  {:>{}}  {:>{}}  {}\n", row[0], width[0],
                   row[1], width[1], row[2], width[2], row[3], width[3], row[4], width[4], row[5],
                   width[5], row[6]);
}

void show(const MxDomain& domain, std::ostream& out) {
    fmt::print(out, "{}: ", escapeForDisplay(domain.route.domain));
    if (domain.servers > 0)
        fmt::print(out, "{} of {} servers take mail; ", domain.working, domain.servers);
    if (!domain.findings.empty())
        fmt::print(out, "{}; ", textOf(domain.findings));
    fmt::print(out, "DNS {:.0f} ms\n", milliseconds(domain.route.mx.took));
    std::vector<Row> rows{{"PREF", "MX", "ADDRESS", "CONNECT", "BANNER", "EHLO", "STATE"}};
    for (const MxHost& host : domain.hosts)
        addRows(host, rows);
    if (rows.size() > 1)
        showTable(rows, out);
}

Json asJson(const std::vector<MxFinding>& findings) {
    Json list = Json::array();
    for (const MxFinding& finding : findings)
        list.push_back(
            {{"kind", finding.kind}, {"trouble", finding.trouble}, {"text", finding.text}});
    return list;
}

/// The time of a step, and what the server said.
void addStep(std::string_view name, const SmtpStep& step, Json& object) {
    if (!wasTried(step))
        return;
    Json part;
    part["ms"] = milliseconds(step.took);
    if (step.answer.code != 0)
        part["code"] = step.answer.code;
    if (!step.answer.lines.empty())
        part["lines"] = step.answer.lines;
    object[name] = std::move(part);
}

Json asJson(const MxServer& server) {
    Json object;
    object["address"] = server.address.text();
    object["takesMail"] = takesMail(server.probe);
    object["findings"] = asJson(server.findings);
    addStep("connect", server.probe.connect, object);
    addStep("banner", server.probe.banner, object);
    addStep("ehlo", server.probe.ehlo, object);
    addStep("helo", server.probe.helo, object);
    return object;
}

Json asJson(const MxHost& host) {
    Json object;
    object["name"] = host.exchanger.name;
    if (host.exchanger.record)
        object["preference"] = host.exchanger.record->preference;
    object["dnsMs"] = milliseconds(std::max(host.exchanger.v4.took, host.exchanger.v6.took));
    object["findings"] = asJson(host.findings);
    object["servers"] = Json::array();
    for (const MxServer& server : host.servers)
        object["servers"].push_back(asJson(server));
    return object;
}

Json asJson(const MxDomain& domain) {
    Json object;
    object["domain"] = domain.route.domain;
    object["dnsMs"] = milliseconds(domain.route.mx.took);
    object["servers"] = domain.servers;
    object["working"] = domain.working;
    object["findings"] = asJson(domain.findings);
    object["exchangers"] = Json::array();
    for (const MxHost& host : domain.hosts)
        object["exchangers"].push_back(asJson(host));
    return object;
}

std::string kindsOf(const std::vector<MxFinding>& findings) {
    std::string kinds;
    for (const MxFinding& finding : findings)
        kinds += fmt::format("{} ", finding.kind);
    return kinds;
}

} // namespace

void showMx(const MxRound& round, std::ostream& out) {
    for (const MxDomain& domain : round.domains)
        show(domain, out);
}

void showMxJson(const MxRound& round, std::ostream& out) {
    Json object;
    object["time"] = formatTimestamp(round.time);
    object["trouble"] = round.trouble;
    object["domains"] = Json::array();
    for (const MxDomain& domain : round.domains)
        object["domains"].push_back(asJson(domain));
    out << jsonLine(object);
}

MxChanges::States MxChanges::statesOf(const MxRound& round) {
    States states;
    const auto add = [&](const std::string& name, const std::vector<MxFinding>& findings,
                         bool isServer = false) {
        states[name] = {kindsOf(findings), textOf(findings), isServer};
    };
    for (const MxDomain& domain : round.domains) {
        add(domain.route.domain, domain.findings);
        for (const MxHost& host : domain.hosts) {
            const std::string name =
                domain.route.domain + ' ' + escapeForDisplay(host.exchanger.name);
            add(name, host.findings);
            for (const MxServer& server : host.servers)
                add(name + ' ' + server.address.text(), server.findings, true);
        }
    }
    return states;
}

/// While nobody knows the MXs of its domain, nothing tells that it has gone.
bool MxChanges::isUnknown(const std::string& name, const MxRound& round) {
    const std::string domain = name.substr(0, name.find(' '));
    return std::any_of(round.domains.begin(), round.domains.end(), [&](const MxDomain& one) {
        return one.route.domain == domain && one.route.mx.status == LookUp::Status::failed;
    });
}

std::vector<std::string> MxChanges::take(const MxRound& round) {
    States now = statesOf(round);
    std::vector<std::string> lines;
    for (const auto& [name, state] : now) {
        const auto before = states_.find(name);
        if (before == states_.end() ? state.isServer || !state.kinds.empty()
                                    : before->second.kinds != state.kinds)
            lines.push_back(name + ": " + state.text);
    }
    for (auto& [name, state] : states_)
        if (now.find(name) == now.end()) {
            if (isUnknown(name, round))
                now[name] = std::move(state);
            else
                lines.push_back(name + ": no longer there");
        }
    states_ = std::move(now);
    return lines;
}

} // namespace sluice::ctl
