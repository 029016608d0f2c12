// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/connection_filter.hh"

#include "milter/policy/explanation.hh"

#include <fmt/format.h>

namespace sluice {
namespace {

std::string listRule(std::string_view option, const NetworkSet::Match& match) {
    return fmt::format("{} {}", option, match.network.text());
}

Note noteOf(Note::Kind kind, const DnsblRule& rule) {
    return {kind, "dnsbl " + rule.name, "X-Sluice-Listed", rule.name};
}

std::optional<Verdict> verdictOf(DnsblDecision decision, const DnsblRules& rules) {
    if (!decision.reply || !decision.rule)
        return std::nullopt;
    const bool unanswered = decision.outcome == DnsblDecision::Outcome::unknown;
    return refuse(std::move(*decision.reply), "dnsbl " + rules.rules()[*decision.rule].name +
                                                  (unanswered ? " on-unknown=tempfail" : ""));
}

/// All of them, those behind the rule that decides as well.
void explain(Explanation& explanation, const DnsblRules& rules, const IpAddress& client,
             DnsblAnswers& answers) {
    for (const DnsblRule& rule : rules.rules())
        explanation.add("dnsbl " + rule.name, client.family() == IpFamily::v6 && !rule.ipv6
                                                  ? "not asked: ipv6=no"
                                                  : describe(rule, answers.answer(rule.zone)));
}

} // namespace

std::optional<std::string> ConnectionFilter::restriction(const Client& client,
                                                         CivilDay today) const {
    if (!client.address)
        return std::nullopt;
    const auto match = settings_.restricted.find(*client.address, today);
    return match ? std::optional(listRule("restrict-ip", *match)) : std::nullopt;
}

ClientStanding ConnectionFilter::standingOf(const Client& client, const OperatorNetworks& added,
                                            CivilDay today) const {
    if (!client.address)
        return {};
    const auto found = [&](const NetworkSet& configured, const NetworkSet& more) {
        auto match = configured.find(*client.address, today);
        return match ? match : more.find(*client.address, today);
    };
    return {.trusted = settings_.trusted.contains(*client.address, today),
            .accepted = found(settings_.accepted, added.accepted),
            .denied = found(settings_.denied, added.denied)};
}

bool ConnectionFilter::wantsDnsbl(const Client& client) const {
    const ClientStanding& standing = client.standing;
    return client.address && client.areas.has(Area::connection) && settings_.dnsbl &&
           !settings_.dnsbl->rules().empty() && !standing.trusted && !standing.accepted &&
           !standing.denied;
}

std::optional<Verdict> ConnectionFilter::onMail(const Client& client,
                                                const Envelope& envelope) const {
    const ClientStanding& standing = client.standing;
    if (!standing.denied || standing.accepted || standing.trusted || envelope.authenticated)
        return std::nullopt;
    return refuseAndDrop(SmtpReply::make<554, 5, 7, 1>("Access denied"),
                         listRule("deny-ip", *standing.denied));
}

std::optional<Verdict> ConnectionFilter::onRecipient(const Client& client, const Envelope& envelope,
                                                     const MailAddress& recipient,
                                                     DnsblAnswers* answers, CivilDay today,
                                                     std::vector<Note>& notes) const {
    if (answers == nullptr || envelope.authenticated || !wantsDnsbl(client) ||
        settings_.dnsblExempt.contains(recipient, today))
        return std::nullopt;
    const DnsblRules& rules = *settings_.dnsbl;
    if (client.explanation != nullptr)
        explain(*client.explanation, rules, *client.address, *answers);
    DnsblDecision decision = evaluate(rules, *client.address, *answers);
    for (const std::size_t rule : decision.marked)
        notes.push_back(noteOf(Note::Kind::mark, rules.rules()[rule]));
    for (const std::size_t rule : decision.observed)
        notes.push_back(noteOf(Note::Kind::observe, rules.rules()[rule]));
    return verdictOf(std::move(decision), rules);
}

} // namespace sluice
