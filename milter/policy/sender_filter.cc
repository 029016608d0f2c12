// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/sender_filter.hh"

#include "common/text.hh"
#include "milter/policy/header_addresses.hh"

namespace sluice {
namespace {

SmtpReply senderDenied() {
    return SmtpReply::make<550, 5, 1, 0>("Sender denied");
}

bool isMarked(const std::vector<Note>& notes, const std::string& value) {
    for (const Note& note : notes)
        if (note.kind == Note::Kind::mark && note.headerValue == value)
            return true;
    return false;
}

} // namespace

std::optional<std::string> SenderFilter::blockedBy(const MailAddress& sender,
                                                   CivilDay today) const {
    if (settings_.blockBlank && sender.isNull())
        return "block-blank-sender";
    if (const auto match = settings_.blocked.find(sender, today))
        return "block-sender " + match->pattern.text();
    return std::nullopt;
}

std::optional<Verdict> SenderFilter::actOn(std::string rule, std::vector<Note>& notes) const {
    switch (settings_.action) {
    case SenderAction::reject:
        return refuse(senderDenied(), std::move(rule));
    case SenderAction::drop:
        return refuseAndDrop(senderDenied(), std::move(rule));
    case SenderAction::badmail:
        notes.push_back({Note::Kind::badmail, std::move(rule)});
        return std::nullopt;
    case SenderAction::hold:
        notes.push_back({Note::Kind::hold, std::move(rule)});
        return std::nullopt;
    }
    return std::nullopt;
}

std::optional<Verdict> SenderFilter::onMail(const Envelope& envelope, CivilDay today,
                                            std::vector<Note>& notes) const {
    auto rule = blockedBy(envelope.sender, today);
    const MailAddress& resolved = envelope.resolvedSender;
    if (!rule && !resolved.isNull() && resolved != envelope.sender)
        rule = blockedBy(resolved, today);
    return rule ? actOn(std::move(*rule), notes) : std::nullopt;
}

std::optional<Verdict> SenderFilter::spoofed(const Client& client, const Envelope& envelope,
                                             const MailAddress& author,
                                             std::vector<Note>& notes) const {
    if (settings_.spoofCheck == SpoofCheck::off || client.standing.trusted ||
        envelope.authenticated || !localDomains_.contains(author.domain()))
        return std::nullopt;
    std::string rule = "spoof-check " + author.domain();
    if (settings_.spoofCheck == SpoofCheck::reject)
        return refuse(SmtpReply::make<550, 5, 7, 1>("Log in to send mail from this domain"),
                      std::move(rule));
    if (!isMarked(notes, author.domain()))
        notes.push_back({Note::Kind::mark, std::move(rule), "X-Sluice-Spoof", author.domain()});
    return std::nullopt;
}

std::optional<Verdict> SenderFilter::onHeaders(const Client& client, const Envelope& envelope,
                                               const HeaderList& headers, CivilDay today,
                                               std::vector<Note>& notes) const {
    if (!readsHeaders())
        return std::nullopt;
    for (std::size_t i = 0; i < headers.fieldsKept(); ++i) {
        const HeaderList::Field field = headers.field(i);
        const bool isFrom = equalsIgnoringCase(field.name, "From");
        if (!isFrom && !equalsIgnoringCase(field.name, "Sender"))
            continue;
        for (const MailAddress& author : headerAddresses(field.value)) {
            if (auto rule = settings_.checkFromHeader ? blockedBy(author, today) : std::nullopt)
                return actOn(*rule + (isFrom ? " in From:" : " in Sender:"), notes);
            if (auto verdict = isFrom ? spoofed(client, envelope, author, notes) : std::nullopt)
                return verdict;
        }
    }
    return std::nullopt;
}

bool SenderFilter::readsHeaders() const {
    return (settings_.checkFromHeader && (settings_.blockBlank || !settings_.blocked.empty())) ||
           settings_.spoofCheck != SpoofCheck::off;
}

} // namespace sluice
