// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/recipient_filter.hh"

#include "common/text.hh"

namespace sluice {
namespace {

/// Known when one of the directories knows it; unknown only when all of them answered so.
Directory::Answer askAll(const std::vector<std::shared_ptr<Directory>>& directories,
                         const MailAddress& recipient) {
    auto answer = Directory::Answer::unknown;
    for (const auto& directory : directories) {
        const auto one = directory->find(recipient);
        if (one == Directory::Answer::known)
            return one;
        if (one == Directory::Answer::unavailable)
            answer = one;
    }
    return answer;
}

SmtpReply harvestReply() {
    return SmtpReply::make<421, 4, 7, 0>("Too many unknown recipients");
}

/// RFC 3463 section 3.2; the word is what Sendmail's rules call it. Sendmail 8.18 gives no code,
/// and tells only of recipients for whom it has no user.
bool saysUserUnknown(std::string_view enhancedCode) {
    return enhancedCode.empty() || enhancedCode == "5.1.1" ||
           equalsIgnoringCase(enhancedCode, "nouser");
}

} // namespace

std::optional<Verdict> RecipientFilter::blocked(const MailAddress& recipient,
                                                CivilDay today) const {
    const auto match = settings_.blocked.find(recipient, today);
    if (!match)
        return std::nullopt;
    return refuse(SmtpReply::make<550, 5, 7, 1>("Recipient does not take mail"),
                  "block-recipient " + match->pattern.text());
}

Directory::Answer RecipientFilter::lookUp(const MailAddress& recipient) const {
    const auto exact = askAll(settings_.directories, recipient);
    if (exact == Directory::Answer::known || !recipient.hasExtension())
        return exact;
    const auto stripped = askAll(settings_.directories, recipient.withoutExtension());
    return stripped == Directory::Answer::unknown ? exact : stripped;
}

bool RecipientFilter::harvestLimitReached(const Client& client, SteadyTime now) const {
    return settings_.harvestLimit != 0 && settings_.harvest && client.address &&
           client.explanation == nullptr &&
           settings_.harvest->countUnknown(*client.address, now) > settings_.harvestLimit;
}

std::optional<Verdict> RecipientFilter::unknown(const Client& client, const MailAddress& recipient,
                                                SteadyTime now) const {
    if (settings_.directories.empty() || recipient.local() == "postmaster" ||
        !localDomains_.contains(recipient.domain()))
        return std::nullopt;
    switch (lookUp(recipient)) {
    case Directory::Answer::known:
        return std::nullopt;
    case Directory::Answer::unavailable:
        return refuse(SmtpReply::make<451, 4, 3, 0>("Directory not available, try again later"),
                      "directory unavailable");
    case Directory::Answer::unknown:
        break;
    }
    if (harvestLimitReached(client, now))
        return refuse(harvestReply(), "harvest-limit");
    Verdict verdict = refuse(SmtpReply::make<550, 5, 1, 1>("User unknown"), "directory");
    verdict.delay = settings_.tarpit;
    return verdict;
}

std::optional<Verdict> RecipientFilter::refusedByMta(const Client& client,
                                                     std::string_view enhancedCode,
                                                     SteadyTime now) const {
    if (!saysUserUnknown(enhancedCode) || !harvestLimitReached(client, now))
        return std::nullopt;
    return refuseAndDrop(harvestReply(), "harvest-limit");
}

std::optional<Verdict> RecipientFilter::restricted(const Client& client, const Envelope& envelope,
                                                   const MailAddress& recipient,
                                                   CivilDay today) const {
    if (settings_.restricted.empty())
        return std::nullopt;
    // An extension leads to the same mailbox, so it must not lead around the restriction.
    auto found = settings_.restricted.find(recipient.key());
    if (found == settings_.restricted.end() && recipient.hasExtension())
        found = settings_.restricted.find(recipient.keyWithoutExtension());
    if (found == settings_.restricted.end())
        return std::nullopt;
    const Restriction& restriction = found->second;
    const std::string rule = "restrict-recipient " + found->first;
    if (restriction.authenticatedOnly && !envelope.authenticated && !client.standing.trusted)
        return refuse(SmtpReply::make<550, 5, 7, 1>("Recipient takes mail from inside only"),
                      rule + " accept-from=authenticated");
    const bool allowed =
        (restriction.anySender || restriction.onlyFrom.contains(envelope.sender, today)) &&
        !restriction.except.contains(envelope.sender, today);
    if (allowed)
        return std::nullopt;
    return refuse(SmtpReply::make<550, 5, 7, 2>("Recipient does not take mail from this sender"),
                  rule);
}

} // namespace sluice
