// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/policy.hh"

#include "common/text.hh"

namespace sluice {
namespace {

/// Asks rules in their order until one decides. A rule is a function that returns an optional
/// Verdict; a rule whose area the listener does not apply is not asked.
class Stage {
public:
    explicit Stage(const Client& client) : areas_(client.areas) {}

    template<typename Rule>
    Stage& ask(Area area, Rule rule) {
        if (!verdict_ && areas_.has(area))
            verdict_ = rule();
        return *this;
    }

    template<typename Rule>
    Stage& askAlways(Rule rule) {
        if (!verdict_)
            verdict_ = rule();
        return *this;
    }

    std::optional<Verdict> verdict() { return std::move(verdict_); }

private:
    AreaSet areas_;
    std::optional<Verdict> verdict_;
};

std::optional<Verdict> authenticationMissing(const Client& client, const Envelope& envelope) {
    if (!client.authRequired || envelope.authenticated)
        return std::nullopt;
    return refuse(SmtpReply::make<530, 5, 7, 0>("Authentication required"),
                  "listener require-auth");
}

} // namespace

Policy::Policy(std::shared_ptr<const PolicySettings> settings)
    : settings_(std::move(settings)),
      connection_(settings_->connection),
      sender_(settings_->sender, settings_->localDomains),
      recipient_(settings_->recipient, settings_->localDomains),
      limits_(settings_->limits) {}

void Policy::admit(Client& client, const std::string& daemonName, const std::string& daemonPort,
                   CivilDay today) const {
    const auto& listeners = settings_->listeners;
    auto listener = listeners.find(toLowerAscii(daemonName));
    if (listener == listeners.end())
        listener = listeners.find(daemonPort);
    if (listener != listeners.end()) {
        client.areas = listener->second.areas;
        client.authRequired = listener->second.authRequired;
    }
    client.standing = connection_.standingOf(client, today);
}

std::optional<std::string> Policy::onConnect(const Client& client, CivilDay today) const {
    return connection_.restriction(client, today);
}

bool Policy::wantsDnsbl(const Client& client) const {
    return connection_.wantsDnsbl(client);
}

Decision Policy::onMail(const Client& client, const Envelope& envelope, const Now& now) const {
    Decision decision;
    decision.verdict =
        Stage(client)
            .askAlways([&] { return authenticationMissing(client, envelope); })
            .ask(Area::connection, [&] { return connection_.onMail(client, envelope); })
            .ask(Area::sender, [&] { return sender_.onMail(envelope, now.today, decision.notes); })
            .ask(Area::limits, [&] { return limits_.onMail(client, envelope); })
            .verdict();
    return decision;
}

/// Sendmail leaves out the domain of a local recipient.
MailAddress Policy::resolvedRecipient(const RecipientForms& forms) const {
    const LocalDomains& domains = settings_->localDomains;
    if (forms.resolved.isNull())
        return domains.completed(forms.written);
    if (forms.resolved.domain().empty() && !forms.written.domain().empty())
        return {forms.resolved.local(), forms.written.domain()};
    return domains.completed(forms.resolved);
}

Decision Policy::onRecipient(const Client& client, const Envelope& envelope,
                             const RecipientForms& forms, DnsblAnswers* answers,
                             const Now& now) const {
    const MailAddress recipient = settings_->localDomains.completed(forms.written);
    const MailAddress resolved = resolvedRecipient(forms);
    // What either form forbids is forbidden: no spelling leads around a rule.
    const auto asked = [&](auto rule) {
        auto verdict = rule(recipient);
        return verdict || resolved == recipient ? verdict : rule(resolved);
    };
    Decision decision;
    decision.verdict =
        Stage(client)
            .ask(Area::limits, [&] { return limits_.onRecipient(envelope); })
            .ask(Area::connection,
                 [&] {
                     return connection_.onRecipient(client, envelope, recipient, answers, now.today,
                                                    decision.notes);
                 })
            .ask(Area::recipient,
                 [&] {
                     return asked([&](const MailAddress& form) {
                         return recipient_.blocked(form, now.today);
                     });
                 })
            .ask(Area::recipient,
                 [&] {
                     return recipient_.unknown(
                         client, forms.written.domain().empty() ? resolved : recipient, now.steady);
                 })
            .ask(Area::recipient,
                 [&] {
                     return asked([&](const MailAddress& form) {
                         return recipient_.restricted(client, envelope, form, now.today);
                     });
                 })
            .verdict();
    return decision;
}

Decision Policy::onHeaders(const Client& client, const Envelope& envelope,
                           const HeaderList& headers, const Now& now) const {
    Decision decision;
    decision.verdict =
        Stage(client)
            .ask(Area::sender,
                 [&] {
                     return sender_.onHeaders(client, envelope, headers, now.today, decision.notes);
                 })
            .ask(Area::limits, [&] { return limits_.onHeaders(headers); })
            .verdict();
    return decision;
}

Decision Policy::onEndOfMessage(const Client& client, std::uint64_t octets) const {
    Decision decision;
    decision.verdict =
        Stage(client)
            .ask(Area::limits, [&] { return limits_.onEndOfMessage(client, octets); })
            .verdict();
    return decision;
}

} // namespace sluice
