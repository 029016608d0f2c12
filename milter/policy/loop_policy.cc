// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/loop_policy.hh"

#include "common/text.hh"
#include "milter/policy/header_addresses.hh"
#include "milter/policy/message_template.hh"
#include "milter/policy/mime_text.hh"
#include "milter/policy/report_scan.hh"
#include "milter/policy/signed_headers.hh"

#include <algorithm>

namespace sluice {
namespace {

std::vector<MailAddress> addressesOf(const Envelope& envelope) {
    std::vector<MailAddress> addresses;
    addresses.reserve(envelope.recipients.size());
    for (const Recipient& recipient : envelope.recipients)
        addresses.push_back(recipient.address);
    return addresses;
}

MailAddress authorOf(const HeaderList& headers) {
    auto mailboxes = headerAddresses(headers.first("From"));
    return mailboxes.empty() ? MailAddress() : std::move(mailboxes.front());
}

/// A next hop as MTAs write it, without brackets and port: `[192.0.2.1]:25`, `relay.example`.
std::string_view hostOf(std::string_view nextHop) {
    if (nextHop.starts_with('[')) {
        const std::size_t close = nextHop.find(']');
        std::string_view inside = nextHop.substr(1, close == nextHop.npos ? close : close - 1);
        if (equalsIgnoringCase(inside.substr(0, 5), "IPv6:"))
            inside.remove_prefix(5);
        return inside;
    }
    return nextHop.substr(0, nextHop.find(':'));
}

} // namespace

Digest storeSecret(const Keyring& keyring) {
    return keyring.signer().mac("names of records in the store");
}

LoopPolicy::LoopPolicy(const LoopPolicySettings& settings, const DomainRewriteRules& merged,
                       std::shared_ptr<const Keyring> keyring)
    : settings_(settings),
      merged_(merged),
      keyring_(std::move(keyring)),
      hasher_(storeSecret(*keyring_)),
      detector_(settings.detection, hasher_) {}

bool LoopPolicy::turnsBack(const Client& client, const Recipient& recipient) const {
    if (!client.address || recipient.nextHop.empty())
        return false;
    const std::string_view host = hostOf(recipient.nextHop);
    return std::any_of(settings_.peers.begin(), settings_.peers.end(), [&](const Peer& peer) {
        if (peer.domains.count(recipient.address.domain()) == 0 ||
            !peer.networks.contains(*client.address, {}))
            return false;
        if (const auto address = IpAddress::parse(host))
            return peer.networks.contains(*address, {});
        return equalsIgnoringCase(host, peer.name) || equalsIgnoringCase(host, client.name);
    });
}

std::optional<Verdict> LoopPolicy::onRecipient(const Client& client, const Envelope& envelope,
                                               const Recipient& recipient, const BlockSet& blocks,
                                               SteadyTime now) const {
    if (!settings_.peers.empty() && turnsBack(client, recipient))
        return refuse(SmtpReply::make<554, 5, 4, 6>("Recipient unknown here and at the sender: "
                                                    "mail would go in a circle"),
                      "peer hairpin");
    if (!blocks.empty() &&
        (blocks.has(loopKey(hasher_, envelope.sender, recipient.address, client.address), now) ||
         blocks.has(clientKey(hasher_, client.address), now)))
        return refuse(SmtpReply::make<450, 4, 7, 1>("Mail goes in a loop, put off for a while"),
                      "loop-block");
    return std::nullopt;
}

bool LoopPolicy::passedTooOften(const MessageFacts& facts) const {
    if (facts.stamps.size() <= settings_.topologyPasses)
        return false;
    const std::string subject = stampSubject(addressesOf(facts.envelope));
    const auto passes =
        std::count_if(facts.stamps.begin(), facts.stamps.end(),
                      [&](const TraceStamp& stamp) { return isFor(*keyring_, stamp, subject); });
    return static_cast<std::uint64_t>(passes) > settings_.topologyPasses;
}

void LoopPolicy::cut(const MessageFacts& facts, const std::string& reason,
                     Decision& decision) const {
    const std::string rule = "loop: " + reason;
    decision.loop.cut =
        cutOf(hasher_, facts.envelope.sender, addressesOf(facts.envelope), facts.client.address);
    decision.loop.reason = reason;
    if (settings_.action == LoopAction::hold) {
        // with its edits: who releases it must not give a list what it shall not have
        decision.notes.push_back({Note::Kind::hold, rule, {}, {}, {}, {}, About::loop});
        return;
    }
    decision.edits = {};
    if (settings_.action == LoopAction::reject && !facts.client.internal) {
        decision.verdict =
            refuse(SmtpReply::make<554, 5, 4, 6>("Mail loop detected"), rule, About::loop);
        return;
    }
    decision.notes.push_back({Note::Kind::discard, rule, {}, {}, {}, {}, About::loop});
    decision.discard = true;
}

void LoopPolicy::mark(const MessageFacts& facts, const LoopOutcome& outcome,
                      Decision& decision) const {
    const std::string rule = "loop: " + outcome.reason;
    addWhereAbsent(facts.headers, {"Auto-Submitted", "auto-replied"}, decision.edits);
    addWhereAbsent(facts.headers, {"Precedence", "bulk"}, decision.edits);
    decision.notes.push_back({Note::Kind::mark, rule, {}, {}, {}, {}, About::loop});
    if (outcome.step != LoopStep::markAndNullSender || decision.edits.sender)
        return;
    decision.edits.sender = EnvelopeAddress{};
    decision.notes.push_back({Note::Kind::returnPath, rule, {}, {}, {}, "<>"});
}

/// Where domains are merged, answers come to another address than the one that has written.
void LoopPolicy::nameParties(const MessageFacts& facts, LoopMessage& message) const {
    message.author = authorOf(facts.headers);
    if (merged_.empty())
        return;
    message.author = merged_.shownAs(message.author.isNull() ? message.sender : message.author);
    for (const MailAddress& recipient : message.recipients)
        message.parties.push_back(merged_.shownAs(recipient));
}

void LoopPolicy::onEndOfMessage(const MessageFacts& facts, const ListOutcome& lists,
                                const MailingList* returnedTo, Store& store, SteadyTime now,
                                Decision& decision) const {
    if (returnedTo != nullptr)
        return cut(facts, "the post has the stamp of the list already", decision);
    if (passedTooOften(facts))
        return cut(facts, "it was here before, more often than topology-passes", decision);
    LoopMessage message;
    message.client = facts.client.address;
    message.sender = facts.envelope.sender;
    message.recipients = addressesOf(facts.envelope);
    nameParties(facts, message);
    message.messageId = facts.messageId;
    const std::string references =
        facts.headers.all("References") + facts.headers.all("In-Reply-To");
    message.references = references;
    if (facts.classification.kind == MessageClass::report)
        message.reportedMessageId = scanReport(facts.headers, facts.body.prefix).originalMessageId;
    message.subject = facts.headers.first("Subject");
    message.date = facts.headers.first("Date");
    message.automatic = facts.classification.automatic();
    message.reaction = facts.classification.reaction();
    std::string decoded;
    message.text = firstTextAsSent(facts.headers, facts.body.prefix, maxTemplateInput, decoded);
    message.bodyDigest = facts.body.digest;
    message.bodyOctets = facts.body.octets;
    message.receivedLines = facts.headers.receivedCount();
    const std::string stamps = facts.headers.all(traceHeader);
    message.stamps = stamps;
    for (const MailingList* const list : lists.posts)
        message.lists.push_back(list->address);

    const LoopOutcome outcome = detector_.examine(store, message, now);
    decision.loop.copy = outcome.copy;
    if (outcome.duplicate.alert)
        decision.loop.alert = outcome.duplicate.reason;
    if (outcome.duplicate.drop) {
        decision.notes.push_back({Note::Kind::discard,
                                  "duplicates: " + outcome.duplicate.reason,
                                  {},
                                  {},
                                  {},
                                  {},
                                  About::duplicate});
        decision.edits = {};
        decision.discard = true;
        return;
    }
    if (!outcome.cameBackTo.empty())
        return cut(facts, "the post came back to the list", decision);
    if (outcome.step == LoopStep::loop)
        return cut(facts, outcome.reason, decision);
    if (outcome.step != LoopStep::pass)
        mark(facts, outcome, decision);
}

void LoopPolicy::stamp(const MessageFacts& facts, const ListOutcome& lists, CivilDay today,
                       Decision& decision) const {
    unsigned hop = 1;
    for (const TraceStamp& each : facts.stamps)
        hop = std::max(hop, each.hop + 1);
    const auto add = [&](const std::string& subject) {
        decision.edits.onTop.push_back(
            {std::string(traceHeader), makeStamp(*keyring_, subject, hop, today, facts.messageId)});
    };
    for (const MailingList* const list : lists.posts)
        add(stampSubject(list->address));
    if (lists.posts.empty())
        add(stampSubject(addressesOf(facts.envelope)));
}

} // namespace sluice
