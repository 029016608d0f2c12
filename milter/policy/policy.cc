// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/policy.hh"

#include "common/text.hh"
#include "milter/policy/explanation.hh"

namespace sluice {
namespace {

/// Asks rules in their order until one decides. A rule is a function that returns an optional
/// Verdict; a rule whose area the listener does not apply is not asked.
class Stage {
public:
    explicit Stage(const Client& client) : areas_(client.areas), told_(client.explanation) {}

    /// `name` is that of the option or options behind the rule.
    template<typename Rule>
    Stage& ask(Area area, const char* name, Rule rule) {
        if (verdict_)
            return *this;
        if (areas_.has(area))
            return askAlways(name, rule);
        if (told_ != nullptr)
            told_->add(name, "not applied on this listener");
        return *this;
    }

    template<typename Rule>
    Stage& askAlways(const char* name, Rule rule) {
        if (verdict_)
            return *this;
        verdict_ = rule();
        if (told_ != nullptr)
            told_->add(name, verdict_ ? "refuses: " + verdict_->reply.line() : "does not object");
        return *this;
    }

    std::optional<Verdict> verdict() { return std::move(verdict_); }

private:
    AreaSet areas_;
    Explanation* told_;
    std::optional<Verdict> verdict_;
};

std::string matchText(const std::optional<NetworkSet::Match>& match) {
    return match ? "matches " + match->network.text() : "does not match";
}

void explainStanding(const Client& client) {
    if (client.explanation == nullptr)
        return;
    client.explanation->add("trusted", client.standing.trusted ? "matches" : "does not match");
    client.explanation->add("accept-ip", matchText(client.standing.accepted));
    client.explanation->add("deny-ip", matchText(client.standing.denied));
}

std::optional<Verdict> authenticationMissing(const Client& client, const Envelope& envelope) {
    if (!client.authRequired || envelope.authenticated)
        return std::nullopt;
    return refuse(SmtpReply::make<530, 5, 7, 0>("Authentication required"),
                  "listener require-auth");
}

/// Mail that came by no connection is never refused: the log tells which rule would have done so.
void spare(const Client& client, Decision& decision) {
    if (!client.internal || !decision.verdict)
        return;
    decision.notes.push_back({Note::Kind::observe, std::move(decision.verdict->rule)});
    decision.verdict.reset();
}

MessageFacts factsOf(const Client& client, const Envelope& envelope, const HeaderList& headers,
                     const BodyFacts& body, const Keyring& keyring) {
    MessageFacts facts{client, envelope, headers, body, {}, {}, {}};
    facts.messageId = canonicalMessageId(headers.first("Message-ID"));
    facts.classification = classify(headers, envelope.sender.isNull(), body.prefix);
    facts.stamps = validStamps(keyring, headers, facts.messageId);
    return facts;
}

} // namespace

Policy::Policy(std::shared_ptr<const PolicySettings> settings)
    : settings_(std::move(settings)),
      connection_(settings_->connection),
      sender_(settings_->sender, settings_->localDomains),
      recipient_(settings_->recipient, settings_->localDomains),
      limits_(settings_->limits),
      lists_(settings_->lists, settings_->keyring),
      loops_(settings_->loops, settings_->rewrites, settings_->keyring),
      rewrite_(settings_->rewrites) {}

void Policy::admit(Client& client, const std::string& daemonName, const std::string& daemonPort,
                   const OperatorNetworks& added, CivilDay today) const {
    const auto& listeners = settings_->listeners;
    auto listener = listeners.find(toLowerAscii(daemonName));
    if (listener == listeners.end())
        listener = listeners.find(daemonPort);
    if (listener != listeners.end()) {
        client.areas = listener->second.areas;
        client.authRequired = listener->second.authRequired;
    }
    client.standing = connection_.standingOf(client, added, today);
    client.standing.trusted |= client.internal;
    explainStanding(client);
}

std::optional<std::string> Policy::onConnect(const Client& client, CivilDay today) const {
    auto rule = client.internal ? std::nullopt : connection_.restriction(client, today);
    if (client.explanation != nullptr)
        client.explanation->add("restrict-ip", rule ? "refuses the connection" : "does not match");
    return rule;
}

bool Policy::wantsDnsbl(const Client& client) const {
    return connection_.wantsDnsbl(client);
}

Decision Policy::onMail(const Client& client, const Envelope& envelope, const Now& now) const {
    Decision decision;
    decision.verdict =
        Stage(client)
            .askAlways("require-auth", [&] { return authenticationMissing(client, envelope); })
            .ask(Area::connection, "deny-ip", [&] { return connection_.onMail(client, envelope); })
            .ask(Area::sender, "block-sender, block-blank-sender",
                 [&] { return sender_.onMail(envelope, now.today, decision.notes); })
            .ask(Area::limits, "max-size, max-messages, max-session-size",
                 [&] { return limits_.onMail(client, envelope); })
            .verdict();
    spare(client, decision);
    return decision;
}

/// Sendmail leaves out the domain of a local recipient.
MailAddress Policy::resolvedForm(const Recipient& recipient) const {
    const LocalDomains& domains = settings_->localDomains;
    if (recipient.resolved.isNull())
        return domains.completed(recipient.address);
    if (recipient.resolved.domain().empty() && !recipient.address.domain().empty())
        return {recipient.resolved.local(), recipient.address.domain()};
    return domains.completed(recipient.resolved);
}

/// By either form: no spelling of a list's address makes it a user's.
void Policy::identify(Recipient& recipient, const MailAddress& resolved, CivilDay today) const {
    lists_.identify(recipient, recipient.address, today);
    if (recipient.role == RecipientRole::user && resolved != recipient.address)
        lists_.identify(recipient, resolved, today);
}

Decision Policy::onRecipient(const Client& client, const Envelope& envelope, Recipient& facts,
                             DnsblAnswers* answers, const BlockSet& blocks, const Now& now) const {
    const MailAddress resolved = resolvedForm(facts);
    facts.address = facts.address.domain().empty() && !facts.address.isNull()
                        ? resolved
                        : settings_->localDomains.completed(facts.address);
    const MailAddress& recipient = facts.address;
    if (client.areas.has(Area::lists))
        identify(facts, resolved, now.today);
    facts.outside =
        facts.role == RecipientRole::user && !settings_->localDomains.contains(resolved.domain());
    // What either form forbids is forbidden: no spelling leads around a rule.
    const auto asked = [&](auto rule) {
        auto verdict = rule(recipient);
        return verdict || resolved == recipient ? verdict : rule(resolved);
    };
    Decision decision;
    decision.verdict =
        Stage(client)
            .ask(Area::limits, "max-recipients", [&] { return limits_.onRecipient(envelope); })
            .ask(Area::connection, "dnsbl",
                 [&] {
                     return connection_.onRecipient(client, envelope, recipient, answers, now.today,
                                                    decision.notes);
                 })
            .ask(Area::recipient, "block-recipient",
                 [&] {
                     return asked([&](const MailAddress& form) {
                         return recipient_.blocked(form, now.today);
                     });
                 })
            .ask(Area::recipient, "directory",
                 [&] {
                     // what we made ourselves is in no directory
                     return facts.role == RecipientRole::bounceAddress
                                ? std::nullopt
                                : recipient_.unknown(client, recipient, now.steady);
                 })
            .ask(Area::recipient, "restrict-recipient",
                 [&] {
                     return asked([&](const MailAddress& form) {
                         return recipient_.restricted(client, envelope, form, now.today);
                     });
                 })
            .ask(Area::lists, "list",
                 [&] { return lists_.onRecipient(client, envelope, facts, now.today); })
            .ask(Area::loops, "peer, loop-block",
                 [&] { return loops_.onRecipient(client, envelope, facts, blocks, now.steady); })
            .verdict();
    spare(client, decision);
    return decision;
}

Decision Policy::onRefusedRecipient(const Client& client, std::string_view enhancedCode,
                                    const Now& now) const {
    Decision decision;
    decision.verdict =
        Stage(client)
            .ask(Area::recipient, "harvest-limit",
                 [&] { return recipient_.refusedByMta(client, enhancedCode, now.steady); })
            .verdict();
    spare(client, decision);
    return decision;
}

Decision Policy::onHeaders(const Client& client, const Envelope& envelope,
                           const HeaderList& headers, const Now& now) const {
    Decision decision;
    decision.verdict =
        Stage(client)
            .ask(Area::sender, "block-sender, spoof-check",
                 [&] {
                     return sender_.onHeaders(client, envelope, headers, now.today, decision.notes);
                 })
            .ask(Area::limits, "max-hops", [&] { return limits_.onHeaders(headers); })
            .verdict();
    spare(client, decision);
    return decision;
}

Decision Policy::judgeMessage(const Client& client, const Envelope& envelope,
                              const HeaderList& headers, const BodyFacts& body, bool passesOn,
                              Store& store, const Now& now) const {
    Decision decision;
    const std::uint64_t octets = headers.octets() + 2 + body.octets; // RFC 1870 section 3
    decision.verdict = Stage(client)
                           .ask(Area::limits, "max-size, max-session-size",
                                [&] { return limits_.onEndOfMessage(client, octets); })
                           .verdict();
    spare(client, decision);
    const bool lists = client.areas.has(Area::lists) && !lists_.empty();
    const bool loops = client.areas.has(Area::loops);
    if (decision.verdict || !passesOn || envelope.recipients.empty() || !(lists || loops))
        return decision;
    const MessageFacts facts = factsOf(client, envelope, headers, body, *settings_->keyring);
    decision.messageClass = facts.classification.kind;
    const ListOutcome outcome =
        lists ? lists_.onEndOfMessage(envelope, headers, facts.classification, now.today)
              : ListOutcome();
    decision.edits = outcome.edits;
    decision.notes = outcome.notes;
    decision.reported = outcome.reported;
    if (outcome.discard) {
        decision.discard = true;
        decision.notes.push_back({Note::Kind::discard, "no recipient is left"});
    } else if (loops) {
        loops_.onEndOfMessage(facts, outcome,
                              lists ? lists_.returnedTo(envelope, facts.stamps) : nullptr, store,
                              now.steady, decision);
    }
    if (!decision.verdict && !decision.discard)
        loops_.stamp(facts, outcome, now.today, decision);
    return decision;
}

Decision Policy::onEndOfMessage(const Client& client, const Envelope& envelope,
                                const HeaderList& headers, const BodyFacts& body, bool passesOn,
                                Store& store, const Now& now) const {
    Decision decision = judgeMessage(client, envelope, headers, body, passesOn, store, now);
    if (client.areas.has(Area::sender) && passesOn && !decision.verdict && !decision.discard)
        rewrite_.onEndOfMessage(client, envelope, headers, decision);
    return decision;
}

} // namespace sluice
