// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/dnsbl_rules.hh"

#include "common/text.hh"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice {

namespace {

constexpr std::size_t longestReversedIpv4 = std::string_view("255.255.255.255.").size();

std::string rootedUnder(std::string reversed, const DnsblZone& zone) {
    reversed += zone.name;
    reversed += '.';
    return reversed;
}

SmtpReply refusal(const DnsblRule& rule, const IpAddress& client) {
    const std::string text = expandReply(rule, client);
    return rule.action == DnsblRule::Action::tempfail ? SmtpReply::make<451, 4, 7, 1>(text)
                                                      : SmtpReply::make<550, 5, 7, 1>(text);
}

SmtpReply noAnswer(const DnsblRule& rule) {
    return SmtpReply::make<451, 4, 4, 3>(
        fmt::format("The list {} does not answer, please try again later", rule.name));
}

enum class Judgement : std::uint8_t { noMatch, match, unknown };

Judgement judge(const DnsblRule& rule, const DnsblAnswer& answer) {
    switch (answer.status) {
    case DnsblAnswer::Status::notListed:
    case DnsblAnswer::Status::suspended:
        return Judgement::noMatch;
    case DnsblAnswer::Status::unknown:
        return Judgement::unknown;
    case DnsblAnswer::Status::answered:
        break;
    }
    const auto listings = listingCodes(answer, rule.errors);
    if (listings.empty())
        return Judgement::unknown;
    const bool matches = std::any_of(listings.begin(), listings.end(),
                                     [&rule](DnsblCode code) { return rule.match.matches(code); });
    return matches ? Judgement::match : Judgement::noMatch;
}

/// Writes down what a matching rule does; true when nothing after it counts.
bool decides(DnsblDecision& decision, const DnsblRule& rule, std::size_t number,
             const IpAddress& client) {
    using Action = DnsblRule::Action;
    if (rule.kind == DnsblRule::Kind::deny && rule.action == Action::mark) {
        decision.marked.push_back(number);
        return false;
    }
    if (rule.kind == DnsblRule::Kind::deny && rule.action == Action::observe) {
        decision.observed.push_back(number);
        return false;
    }
    decision.rule = number;
    if (rule.kind == DnsblRule::Kind::allow) {
        decision.outcome = DnsblDecision::Outcome::allowed;
        return true;
    }
    decision.outcome = rule.action == Action::tempfail ? DnsblDecision::Outcome::tempfail
                                                       : DnsblDecision::Outcome::reject;
    decision.reply = refusal(rule, client);
    return true;
}

} // namespace

Result<void> DnsblRules::Builder::add(ParsedDnsblRule parsed) {
    const auto& known = rules_.rules_;
    if (std::any_of(known.begin(), known.end(),
                    [&](const DnsblRule& rule) { return rule.name == parsed.rule.name; }))
        return fail("there is a dnsbl rule " + quoteForDisplay(parsed.rule.name) + " already");
    parsed.rule.zone = zoneFor(parsed);
    rules_.rules_.push_back(std::move(parsed.rule));
    return {};
}

std::size_t DnsblRules::Builder::zoneFor(const ParsedDnsblRule& parsed) {
    auto& zones = rules_.zones_;
    auto zone = std::find_if(zones.begin(), zones.end(), [&](const DnsblZone& candidate) {
        return candidate.name == parsed.zone;
    });
    if (zone == zones.end())
        zone = zones.insert(zones.end(), DnsblZone{parsed.zone, {}, {}, false});
    if (zone->shown.empty())
        zone->shown = parsed.rule.provider;
    zone->errors.insert(zone->errors.end(), parsed.rule.errors.begin(), parsed.rule.errors.end());
    zone->ipv6 = zone->ipv6 || parsed.rule.ipv6;
    return static_cast<std::size_t>(zone - zones.begin());
}

DnsblRules DnsblRules::Builder::build() {
    for (DnsblZone& zone : rules_.zones_)
        if (zone.shown.empty())
            zone.shown = zone.name;
    // a zone that one rule keeps secret stays so in the others
    for (DnsblRule& rule : rules_.rules_)
        if (rule.provider.empty())
            rule.provider = rules_.zones_[rule.zone].shown;
    return std::exchange(rules_, {});
}

std::string queryName(const IpAddress& client, const DnsblZone& zone) {
    const auto& octets = client.octets();
    if (client.family() == IpFamily::v6)
        return queryName(octets, zone);
    std::string reversed;
    reversed.reserve(longestReversedIpv4 + zone.name.size() + 1);
    for (std::size_t i = 4; i-- > 0;) {
        const fmt::format_int octet(octets.at(i)); // six a connection: worth the short way
        reversed.append(octet.data(), octet.size()).append(1, '.');
    }
    return rootedUnder(std::move(reversed), zone);
}

std::string queryName(const std::array<std::uint8_t, 16>& v6, const DnsblZone& zone) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string reversed;
    reversed.reserve(4 * v6.size() + zone.name.size() + 1);
    for (auto octet = v6.rbegin(); octet != v6.rend(); ++octet) {
        reversed += digits[*octet & 0xfU];
        reversed += '.';
        reversed += digits[*octet >> 4U];
        reversed += '.';
    }
    return rootedUnder(std::move(reversed), zone);
}

std::string expandReply(const DnsblRule& rule, const IpAddress& client) {
    std::string text;
    const std::string_view form = rule.replyTemplate;
    for (std::size_t at = 0; at < form.size(); ++at) {
        if (form[at] != '%' || at + 1 == form.size()) {
            text += form[at];
            continue;
        }
        switch (form[++at]) {
        case '0':
            text += client.text();
            break;
        case '1':
            text += rule.name;
            break;
        case '2':
            text += rule.provider;
            break;
        default:
            text += form[at]; // "%%": the parser lets nothing else through
        }
    }
    return text;
}

std::string describe(const DnsblRule& rule, const DnsblAnswer& answer) {
    std::string text = rule.provider + ": ";
    switch (answer.status) {
    case DnsblAnswer::Status::answered:
        text += "answers";
        for (const DnsblCode code : answer.codes)
            text += ' ' + dnsblCodeText(code);
        break;
    case DnsblAnswer::Status::notListed:
        return text + "not listed";
    case DnsblAnswer::Status::unknown:
        return text + "no answer";
    case DnsblAnswer::Status::suspended:
        return text + "suspended, it failed its self-test";
    }
    switch (judge(rule, answer)) {
    case Judgement::match:
        return text + ", matches";
    case Judgement::unknown:
        return text + ", provider errors only";
    case Judgement::noMatch:
        break;
    }
    return text + ", does not match";
}

DnsblDecision evaluate(const DnsblRules& rules, const IpAddress& client, DnsblAnswers& answers) {
    DnsblDecision decision;
    std::optional<std::size_t> deferring;
    for (std::size_t number = 0; number < rules.rules().size(); ++number) {
        const DnsblRule& rule = rules.rules()[number];
        if (client.family() == IpFamily::v6 && !rule.ipv6)
            continue;
        const Judgement judgement = judge(rule, answers.answer(rule.zone));
        if (judgement == Judgement::match && decides(decision, rule, number, client))
            return decision;
        if (judgement == Judgement::unknown) {
            decision.unknown.push_back(number);
            if (rule.tempfailOnUnknown && rule.action != DnsblRule::Action::observe && !deferring)
                deferring = number;
        }
    }
    if (deferring) {
        decision.outcome = DnsblDecision::Outcome::unknown;
        decision.rule = deferring;
        decision.reply = noAnswer(rules.rules()[*deferring]);
    }
    return decision;
}

} // namespace sluice
