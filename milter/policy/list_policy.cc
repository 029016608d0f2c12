// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/list_policy.hh"

#include "milter/policy/bounce_address.hh"
#include "milter/policy/signed_headers.hh"

#include <algorithm>

namespace sluice {
namespace {

/// The list that this transaction posts to through this recipient; none for anything but a post.
const MailingList* postOf(const Envelope& envelope, const Recipient& recipient) {
    return recipient.role == RecipientRole::list && !envelope.sender.isNull() ? recipient.list
                                                                              : nullptr;
}

bool isMixed(const Envelope& envelope) {
    const auto& recipients = envelope.recipients;
    return std::any_of(recipients.begin(), recipients.end(), [&](const Recipient& recipient) {
        return postOf(envelope, recipient) != postOf(envelope, recipients.front());
    });
}

std::optional<Verdict> notAllowed(const MailingList& list, const Client& client,
                                  const Envelope& envelope, CivilDay today) {
    const Restriction& posting = list.posting;
    const std::string rule = "list " + list.address.key();
    if (posting.authenticatedOnly && !envelope.authenticated && !client.standing.trusted)
        return refuse(SmtpReply::make<550, 5, 7, 1>("List takes posts from inside only"),
                      rule + " accept-from=authenticated");
    if ((posting.anySender || posting.onlyFrom.contains(envelope.sender, today)) &&
        !posting.except.contains(envelope.sender, today))
        return std::nullopt;
    return refuse(SmtpReply::make<550, 5, 7, 2>("List does not take posts from this sender"), rule);
}

/// A list or a robot is never given what answers something by itself.
bool mustNotReach(const Classification& classification) {
    return classification.reaction() && (classification.declared || classification.structured);
}

} // namespace

ListPolicy::ListPolicy(const ListSettings& settings, std::shared_ptr<const Keyring> keyring)
    : settings_(settings), keyring_(std::move(keyring)) {
    for (const auto& [key, list] : settings_.lists)
        byBounceMailbox_.emplace(bounceMailbox(list.address, settings_.bounceDomainOf(list)).key(),
                                 &list);
}

const MailingList* ListPolicy::findList(const MailAddress& address) const {
    if (settings_.lists.empty())
        return nullptr;
    auto found = settings_.lists.find(address.key());
    // An extension leads to the same list, so it must not lead around its rules.
    if (found == settings_.lists.end() && address.hasExtension())
        found = settings_.lists.find(address.keyWithoutExtension());
    return found == settings_.lists.end() ? nullptr : &found->second;
}

bool ListPolicy::isRobot(const MailAddress& address) const {
    return !settings_.robots.empty() &&
           (settings_.robots.count(address.key()) != 0 ||
            (address.hasExtension() && settings_.robots.count(address.keyWithoutExtension()) != 0));
}

bool ListPolicy::identifyBounce(Recipient& recipient, const MailAddress& address,
                                CivilDay today) const {
    const auto candidates = byBounceMailbox_.equal_range(address.keyWithoutExtension());
    for (auto candidate = candidates.first; candidate != candidates.second; ++candidate) {
        const MailingList& list = *candidate->second;
        const auto standing = checkBounceAddress(*keyring_, list.address,
                                                 settings_.bounceDomainOf(list), address, today);
        if (standing == BounceStanding::none)
            continue;
        recipient.list = &list;
        recipient.role = standing == BounceStanding::good ? RecipientRole::bounceAddress
                                                          : RecipientRole::staleBounce;
        if (standing == BounceStanding::good)
            return true;
    }
    return recipient.list != nullptr;
}

void ListPolicy::identify(Recipient& recipient, const MailAddress& address, CivilDay today) const {
    if (identifyBounce(recipient, address, today))
        return;
    if (const MailingList* const list = findList(address)) {
        recipient.role = RecipientRole::list;
        recipient.list = list;
    } else if (isRobot(address)) {
        recipient.role = RecipientRole::robot;
    }
}

std::optional<Verdict> ListPolicy::onRecipient(const Client& client, const Envelope& envelope,
                                               const Recipient& recipient, CivilDay today) const {
    const bool null = envelope.sender.isNull();
    switch (recipient.role) {
    case RecipientRole::list:
        if (null && !recipient.list->bouncesTo)
            return refuse(SmtpReply::make<550, 5, 7, 1>("List does not take reports"),
                          "list " + recipient.list->address.key() + " null sender");
        if (!null)
            if (auto verdict = notAllowed(*recipient.list, client, envelope, today))
                return verdict;
        break;
    case RecipientRole::robot:
        if (null)
            return refuse(SmtpReply::make<550, 5, 7, 1>("Address does not take reports"),
                          "robot " + recipient.address.key() + " null sender");
        break;
    case RecipientRole::staleBounce:
        if (null)
            return refuse(SmtpReply::make<550, 5, 7, 1>("Return path is not valid"),
                          "bounce address of " + recipient.list->address.key());
        break;
    case RecipientRole::user:
    case RecipientRole::bounceAddress:
        break;
    }
    if (settings_.splitMixed && !envelope.recipients.empty() &&
        postOf(envelope, envelope.recipients.front()) != postOf(envelope, recipient))
        return refuse(SmtpReply::make<452, 4, 5, 3>("Send to lists in a transaction of their own"),
                      "mixed-recipients");
    return std::nullopt;
}

const MailingList* ListPolicy::returnedTo(const Envelope& envelope,
                                          const std::vector<TraceStamp>& stamps) const {
    for (const Recipient& recipient : envelope.recipients) {
        const MailingList* const list = postOf(envelope, recipient);
        if (list != nullptr &&
            std::any_of(stamps.begin(), stamps.end(), [&](const TraceStamp& stamp) {
                return isFor(*keyring_, stamp, stampSubject(list->address));
            }))
            return list;
    }
    return nullptr;
}

void ListPolicy::redirect(const Recipient& recipient, const MailAddress& to, std::string rule,
                          ListOutcome& outcome) const {
    outcome.edits.removeRecipients.push_back(recipient.text);
    const EnvelopeAddress target{to.text()};
    auto& added = outcome.edits.addRecipients;
    if (std::find(added.begin(), added.end(), target) == added.end())
        added.push_back(target);
    outcome.notes.push_back(
        {Note::Kind::redirect, std::move(rule), {}, {}, recipient.text, to.text()});
}

void ListPolicy::judge(const Recipient& recipient, const Envelope& envelope,
                       const Classification& classification, ListOutcome& outcome) const {
    const bool unwanted = envelope.sender.isNull() || mustNotReach(classification);
    const std::string kind(envelope.sender.isNull() ? "null sender" : nameOf(classification.kind));
    const auto remove = [&](std::string rule) {
        outcome.edits.removeRecipients.push_back(recipient.text);
        outcome.notes.push_back({Note::Kind::remove, std::move(rule), {}, {}, recipient.text});
    };
    switch (recipient.role) {
    case RecipientRole::user:
        return;
    case RecipientRole::bounceAddress:
    case RecipientRole::staleBounce:
        if (recipient.role == RecipientRole::bounceAddress &&
            classification.kind == MessageClass::report)
            outcome.reported.push_back(recipient.list);
        redirect(recipient, recipient.list->reportsTo(),
                 "bounce address of " + recipient.list->address.key(), outcome);
        return;
    case RecipientRole::robot:
        if (unwanted)
            remove("robot " + recipient.address.key() + ' ' + kind);
        return;
    case RecipientRole::list:
        if (!unwanted) {
            // once, by however many spellings it is written to
            if (std::find(outcome.posts.begin(), outcome.posts.end(), recipient.list) ==
                outcome.posts.end())
                outcome.posts.push_back(recipient.list);
        } else if (recipient.list->bouncesTo)
            redirect(recipient, *recipient.list->bouncesTo,
                     "list " + recipient.list->address.key() + ' ' + kind, outcome);
        else
            remove("list " + recipient.list->address.key() + ' ' + kind);
        return;
    }
}

EnvelopeAddress ListPolicy::returnPathOf(const MailingList& list, bool withDsn,
                                         CivilDay today) const {
    // Of the author's own wish for reports nothing may stay (RFC 3461 section 5.2.7).
    const std::string parameters = withDsn ? "RET=HDRS ENVID=list" : "";
    switch (list.returnPath) {
    case ReturnPath::signedAddress:
        return {
            bounceAddress(*keyring_, list.address, settings_.bounceDomainOf(list), today).text(),
            parameters};
    case ReturnPath::owner:
    case ReturnPath::manager:
        return {list.returnTo.text(), parameters};
    case ReturnPath::null:
    case ReturnPath::keep:
    case ReturnPath::delegate:
        break;
    }
    return {"", parameters};
}

void ListPolicy::rewrite(const Envelope& envelope, const HeaderList& headers, CivilDay today,
                         ListOutcome& outcome) const {
    const MailingList& list = *outcome.posts.front();
    addWhereAbsent(headers, {"Precedence", "list"}, outcome.edits);
    addWhereAbsent(headers, {"X-Auto-Response-Suppress", "DR, OOF, AutoReply"}, outcome.edits);
    if (list.returnPath == ReturnPath::delegate)
        return;
    for (const Recipient& recipient : envelope.recipients)
        if (recipient.list == &list && recipient.dsnParameters) {
            outcome.edits.removeRecipients.push_back(recipient.text);
            outcome.edits.addRecipients.push_back({recipient.address.text(), "NOTIFY=FAILURE"});
        }
    if (!list.changesReturnPath())
        return;
    outcome.edits.sender = returnPathOf(list, envelope.dsnParameters, today);
    outcome.notes.push_back({Note::Kind::returnPath,
                             "list " + list.address.key(),
                             {},
                             {},
                             envelope.recipients.front().text,
                             '<' + outcome.edits.sender->address + '>'});
}

ListOutcome ListPolicy::onEndOfMessage(const Envelope& envelope, const HeaderList& headers,
                                       const Classification& classification, CivilDay today) const {
    ListOutcome outcome;
    for (const Recipient& recipient : envelope.recipients)
        judge(recipient, envelope, classification, outcome);
    if (!outcome.posts.empty() && !isMixed(envelope))
        rewrite(envelope, headers, today, outcome);
    if (settings_.reportCopy && classification.kind == MessageClass::report) {
        outcome.edits.addRecipients.push_back({settings_.reportCopy->text()});
        outcome.notes.push_back(
            {Note::Kind::redirect, "report-copy", {}, {}, {}, settings_.reportCopy->text()});
    }
    outcome.discard = !envelope.recipients.empty() && outcome.edits.addRecipients.empty() &&
                      outcome.edits.removeRecipients.size() == envelope.recipients.size();
    return outcome;
}

} // namespace sluice
