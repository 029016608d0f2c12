// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/dnsbl_show.hh"

#include "common/text.hh"
#include "milter/ctl/json_text.hh"

#include <fmt/ostream.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace sluice::ctl {
namespace {

using Json = nlohmann::ordered_json;

bool isError(DnsblCode code, const DnsblZone& zone) {
    return isProviderError(code) || contains(zone.errors, code);
}

std::string_view meaningOf(const DnsblAnswer& answer, const DnsblZone& zone) {
    switch (answer.status) {
    case DnsblAnswer::Status::answered:
        return listingCodes(answer, zone.errors).empty() ? "provider error" : "listed";
    case DnsblAnswer::Status::notListed:
        return "not listed";
    case DnsblAnswer::Status::unknown:
    case DnsblAnswer::Status::suspended:
        break;
    }
    return "unknown";
}

std::vector<std::string> namesOf(const DnsblRules& rules, const std::vector<std::size_t>& numbers) {
    std::vector<std::string> names;
    names.reserve(numbers.size());
    for (const std::size_t number : numbers)
        names.push_back(rules.rules()[number].name);
    return names;
}

std::vector<std::string> rulesOf(const DnsblRules& rules, std::size_t zone) {
    std::vector<std::string> names;
    for (const DnsblRule& rule : rules.rules())
        if (rule.zone == zone)
            names.push_back(rule.name);
    return names;
}

double milliseconds(const DnsblFinding& finding) {
    constexpr double perMillisecond = 1000;
    return static_cast<double>(finding.time.count()) / perMillisecond;
}

std::string_view familyName(IpFamily family) {
    return family == IpFamily::v4 ? "IPv4" : "IPv6";
}

std::string_view resultName(SelfTestResult::Kind kind) {
    switch (kind) {
    case SelfTestResult::Kind::passed:
        return "passed";
    case SelfTestResult::Kind::missing:
        return "missing";
    case SelfTestResult::Kind::listsWorld:
        return "lists the world";
    case SelfTestResult::Kind::inconclusive:
        break;
    }
    return "inconclusive";
}

std::string_view outcomeName(DnsblDecision::Outcome outcome) {
    switch (outcome) {
    case DnsblDecision::Outcome::pass:
        return "pass";
    case DnsblDecision::Outcome::allowed:
        return "allowed";
    case DnsblDecision::Outcome::reject:
        return "reject";
    case DnsblDecision::Outcome::tempfail:
        return "tempfail";
    case DnsblDecision::Outcome::unknown:
        break;
    }
    return "unknown";
}

void showFinding(const DnsblFinding& finding, const DnsblZone& zone, std::ostream& out) {
    constexpr int addressWidth = 18;
    fmt::print(out, "  {:{}} {}", finding.address, addressWidth, meaningOf(finding.answer, zone));
    const char* before = ": ";
    for (const DnsblCode code : finding.answer.codes) {
        fmt::print(out, "{}{}{}", before, dnsblCodeText(code),
                   isError(code, zone) ? " (provider error)" : "");
        before = ", ";
    }
    if (!finding.why.empty())
        fmt::print(out, ": {}", escapeForDisplay(finding.why));
    fmt::print(out, ", {:.1f} ms\n", milliseconds(finding));
}

void showTest(const DnsblTest& test, const DnsblZone& zone, std::ostream& out) {
    showFinding(test.mustBeListed, zone, out);
    showFinding(test.mustNotBeListed, zone, out);
    fmt::print(out, "  {} self-test: {}{}\n", familyName(test.family),
               test.result.reason.empty() ? "passed" : test.result.reason,
               test.result.failed() && !test.bad() ? " (a list without IPv6)" : "");
}

void showDecision(const IpAddress& address, const DnsblDecision& decision, const DnsblRules& rules,
                  std::ostream& out) {
    fmt::print(out, "{}: ", address.text());
    if (decision.outcome == DnsblDecision::Outcome::pass)
        fmt::print(out, "passes");
    else if (decision.outcome == DnsblDecision::Outcome::allowed)
        fmt::print(out, "let in by {}", rules.rules()[decision.rule.value_or(0)].name);
    else
        fmt::print(out, "refused by {}: {}", rules.rules()[decision.rule.value_or(0)].name,
                   decision.reply ? escapeForDisplay(decision.reply->line()) : "?");
    for (const auto& [what, numbers] :
         {std::pair{"marked by", &decision.marked}, std::pair{"observed by", &decision.observed},
          std::pair{"no answer for", &decision.unknown}})
        if (!numbers->empty())
            fmt::print(out, ", {} {}", what, fmt::join(namesOf(rules, *numbers), " "));
    fmt::print(out, "\n");
}

Json findingJson(const DnsblFinding& finding, const DnsblZone& zone) {
    Json codes = Json::array();
    for (const DnsblCode code : finding.answer.codes)
        codes.push_back({{"code", dnsblCodeText(code)}, {"provider_error", isError(code, zone)}});
    Json object;
    object["address"] = finding.address;
    object["meaning"] = meaningOf(finding.answer, zone);
    object["codes"] = std::move(codes);
    object["why"] = finding.why;
    object["milliseconds"] = milliseconds(finding);
    return object;
}

Json zoneJson(const DnsblReport& report, std::size_t number) {
    const DnsblZone& zone = report.rules.zones()[number];
    Json tests = Json::array();
    for (const DnsblTest& test : report.findings[number].tests)
        tests.push_back(
            {{"family", familyName(test.family)},
             {"result", resultName(test.result.kind)},
             {"reason", test.result.reason},
             {"entries",
              {findingJson(test.mustBeListed, zone), findingJson(test.mustNotBeListed, zone)}}});
    Json answers = Json::array();
    for (const auto& finding : report.findings[number].addresses)
        if (finding)
            answers.push_back(findingJson(*finding, zone));
    return {{"zone", zone.shown},
            {"rules", rulesOf(report.rules, number)},
            {"self_tests", std::move(tests)},
            {"answers", std::move(answers)}};
}

Json decisionJson(const IpAddress& address, const DnsblDecision& decision,
                  const DnsblRules& rules) {
    Json object;
    object["address"] = address.text();
    object["outcome"] = outcomeName(decision.outcome);
    object["rule"] = decision.rule ? Json(rules.rules()[*decision.rule].name) : Json();
    object["reply"] = decision.reply ? Json(decision.reply->line()) : Json();
    object["marked"] = namesOf(rules, decision.marked);
    object["observed"] = namesOf(rules, decision.observed);
    object["unknown"] = namesOf(rules, decision.unknown);
    return object;
}

} // namespace

void showDnsbl(const DnsblReport& report, std::ostream& out) {
    for (std::size_t number = 0; number < report.findings.size(); ++number) {
        const DnsblZone& zone = report.rules.zones()[number];
        fmt::print(out, "{} (rules: {})\n", escapeForDisplay(zone.shown),
                   fmt::join(rulesOf(report.rules, number), " "));
        for (const DnsblTest& test : report.findings[number].tests)
            showTest(test, zone, out);
        for (const auto& finding : report.findings[number].addresses)
            if (finding)
                showFinding(*finding, zone, out);
    }
    for (std::size_t i = 0; i < report.addresses.size(); ++i)
        showDecision(report.addresses[i], report.decisions[i], report.rules, out);
}

void showDnsblJson(const DnsblReport& report, std::ostream& out) {
    Json zones = Json::array();
    for (std::size_t number = 0; number < report.findings.size(); ++number)
        zones.push_back(zoneJson(report, number));
    Json addresses = Json::array();
    for (std::size_t i = 0; i < report.addresses.size(); ++i)
        addresses.push_back(decisionJson(report.addresses[i], report.decisions[i], report.rules));
    const Json object{{"zones", std::move(zones)}, {"addresses", std::move(addresses)}};
    out << jsonLine(object);
}

} // namespace sluice::ctl
