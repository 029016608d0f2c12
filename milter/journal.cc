// SPDX-License-Identifier: BSD-2-Clause
#include "milter/journal.hh"

#include "common/text.hh"
#include "milter/adapters/tracking_log.hh"
#include "milter/policy/header_addresses.hh"

#include <fmt/format.h>

#include <utility>

namespace sluice {
namespace {

/// Longer ones are cut: neither means anything.
constexpr std::size_t longestField = 998; // RFC 5322 section 2.1.1

TrackingEvent eventOf(const Note& note) {
    switch (note.about) {
    case About::loop:
        return TrackingEvent::loop;
    case About::duplicate:
        return TrackingEvent::duplicate;
    case About::rule:
        break;
    }
    switch (note.kind) {
    case Note::Kind::mark:
    case Note::Kind::observe:
    case Note::Kind::rewrite:
        return TrackingEvent::mark;
    case Note::Kind::badmail:
        return TrackingEvent::badmail;
    case Note::Kind::hold:
        return TrackingEvent::hold;
    case Note::Kind::redirect:
    case Note::Kind::remove:
        return TrackingEvent::redirect;
    case Note::Kind::returnPath:
        return TrackingEvent::transfer;
    case Note::Kind::discard:
        return TrackingEvent::discard;
    }
    return TrackingEvent::mark;
}

/// The address within the angle brackets that an argument of MAIL or RCPT may have.
std::string withoutBrackets(std::string_view path) {
    if (path.size() >= 2 && path.front() == '<' && path.back() == '>')
        path = path.substr(1, path.size() - 2);
    return std::string(path);
}

std::vector<std::string> recipientsOf(const Envelope& envelope) {
    std::vector<std::string> recipients;
    recipients.reserve(envelope.recipients.size());
    for (const Recipient& each : envelope.recipients)
        recipients.push_back(withoutBrackets(each.text));
    return recipients;
}

/// It becomes part of the message's story at its end, and only if that is good.
bool waitsForEnd(const Scene& scene, const Note& note) {
    return scene.stage == Stage::message || note.kind == Note::Kind::hold;
}

} // namespace

DecisionLine Journal::line(const Scene& scene, std::string_view rule,
                           std::string_view action) const {
    DecisionLine line;
    line.session = session_;
    line.queueId = scene.mta.macro("i");
    line.client = scene.client.addressText();
    line.stage = stageName(scene.stage);
    line.action = action;
    line.observing = runtime_.config.observe;
    line.rule = rule;
    line.hasSender = scene.stage >= Stage::mail;
    line.from = scene.message.envelope.senderText;
    return line;
}

TrackingRecord Journal::record(const Scene& scene, TrackingEvent event) const {
    TrackingRecord record;
    record.event = event;
    record.session = session_;
    record.queueId = scene.mta.macro("i");
    record.client = scene.client.addressText();
    record.stage = stageName(scene.stage);
    if (scene.stage >= Stage::mail)
        record.returnPath = withoutBrackets(scene.message.envelope.senderText);
    record.messageId = messageId_;
    record.messageClass = messageClass_;
    record.sender = sender_;
    return record;
}

void Journal::track(TrackingRecord record) const {
    runtime_.tracking->write(std::move(record));
}

void Journal::refused(const Scene& scene, const Refusal& refusal) {
    counts_.refused(scene.stage, refusal.rule, refusal.about, refusal.reply);
    DecisionLine told = line(scene, refusal.rule, "refuse");
    const std::string reply = refusal.reply == nullptr ? std::string() : refusal.reply->line();
    told.reply = reply;
    told.to = refusal.recipient;
    logDecision(told);
    if (!runtime_.tracking)
        return;
    TrackingRecord each =
        record(scene, refusal.about == About::loop ? TrackingEvent::loop : TrackingEvent::refuse);
    each.rule = refusal.rule;
    each.action = "refuse";
    each.reply = reply;
    each.observed = runtime_.config.observe;
    if (refusal.recipient.empty())
        each.recipients = recipientsOf(scene.message.envelope);
    else
        each.recipients.push_back(withoutBrackets(refusal.recipient));
    track(std::move(each));
}

void Journal::overloaded(std::size_t open) const {
    log::warning(LogCategory::session, "session={} put off: {} connections are open", session_,
                 open);
    counts_.overloaded();
}

TrackingRecord Journal::recordOf(const Scene& scene, const Note& note,
                                 std::string_view recipient) const {
    TrackingRecord told = record(scene, eventOf(note));
    told.rule = note.rule;
    told.action = actionName(note.kind);
    told.observed = runtime_.config.observe;
    if (note.kind == Note::Kind::returnPath) {
        told.returnPathBefore = std::exchange(told.returnPath, withoutBrackets(note.becomes));
        told.recipients = recipientsOf(scene.message.envelope);
    } else {
        told.becomes = note.becomes;
        const std::string_view whose = note.recipient.empty() ? recipient : note.recipient;
        if (!whose.empty())
            told.recipients.push_back(withoutBrackets(whose));
    }
    return told;
}

void Journal::noted(const Scene& scene, const Note& note, std::string_view recipient) {
    counts_.noted(scene.stage, note);
    DecisionLine told = line(scene, note.rule, actionName(note.kind));
    told.to = note.recipient.empty() ? recipient : note.recipient;
    told.becomes = note.becomes;
    logDecision(told);
    // badmail is told when it is stored
    if (!runtime_.tracking || (note.kind == Note::Kind::badmail && !runtime_.config.observe))
        return;
    TrackingRecord each = recordOf(scene, note, recipient);
    if (waitsForEnd(scene, note))
        waiting_.push_back(std::move(each));
    else
        track(std::move(each));
}

void Journal::describe(const HeaderList& headers) {
    if (!runtime_.tracking)
        return;
    messageId_ = trim(headers.first("Message-ID")).substr(0, longestField);
    const auto authors = headerAddresses(headers.first("From"));
    sender_ = authors.empty() ? std::string() : authors.front().text();
    if (runtime_.tracking->settings().subjects)
        subject_ = trim(headers.first("Subject")).substr(0, longestField);
}

void Journal::receive(const Scene& scene) const {
    TrackingRecord taken = record(scene, TrackingEvent::receive);
    const Message& message = scene.message;
    taken.subject = subject_;
    taken.octets = message.headers.octets() + 2 + message.bodyOctets;
    taken.recipients = recipientsOf(message.envelope);
    track(std::move(taken));
}

void Journal::taken(const Scene& scene, bool discarded) {
    const bool held = scene.message.firstNote(Note::Kind::hold) != nullptr;
    counts_.ended(discarded ? MessageOutcome::discarded
                  : held    ? MessageOutcome::held
                            : MessageOutcome::accepted);
    if (!discarded && log::enabled(LogCategory::decision, LogLevel::debug)) {
        DecisionLine told = line(scene, {}, "accept");
        told.recipients = scene.message.envelope.recipientsAccepted;
        logDecision(told, LogLevel::debug);
    }
    if (!runtime_.tracking)
        return;
    receive(scene);
    for (TrackingRecord& each : waiting_) {
        // of the stages before, when this was not known yet
        TrackingRecord base = record(scene, each.event);
        each.queueId = std::move(base.queueId);
        each.messageId = std::move(base.messageId);
        each.messageClass = std::move(base.messageClass);
        each.sender = std::move(base.sender);
        track(std::move(each));
    }
    waiting_.clear();
}

void Journal::stored(const Scene& scene, const Note& note, const std::string& file) {
    counts_.ended(MessageOutcome::badmail);
    log::info(LogCategory::badmail, "session={} stored: {}", session_, file);
    if (!runtime_.tracking)
        return;
    receive(scene);
    TrackingRecord told = record(scene, TrackingEvent::badmail);
    told.rule = note.rule;
    told.action = actionName(note.kind);
    told.becomes = file;
    track(std::move(told));
}

void Journal::failed(const Scene& scene, std::string_view what, const SmtpReply& reply) {
    log::error(LogCategory::session, "session={} {}", session_, what);
    putOff(scene, what, reply);
}

void Journal::notStored(const Scene& scene, const std::string& trouble, const SmtpReply& reply) {
    log::error(LogCategory::badmail, "session={} not stored: {}", session_, trouble);
    putOff(scene, "badmail: " + trouble, reply);
}

void Journal::putOff(const Scene& scene, std::string_view what, const SmtpReply& reply) const {
    counts_.ended(MessageOutcome::putOff);
    if (!runtime_.tracking)
        return;
    TrackingRecord told = record(scene, TrackingEvent::refuse);
    told.rule = what;
    told.action = "put-off";
    told.reply = reply.line();
    track(std::move(told));
}

void Journal::bounced(const Scene& scene, const MailAddress& list, const MailAddress& member) {
    if (!runtime_.tracking)
        return;
    TrackingRecord told = record(scene, TrackingEvent::bounce);
    told.rule = "list " + list.key();
    told.recipients.push_back(member.text());
    track(std::move(told));
}

void Journal::alerted(const Scene& scene, std::string_view alert) {
    counts_.alerted();
    log::warning(LogCategory::decision, "session={} client={} duplicates: {}: {}", session_,
                 scene.client.addressText(), alert, duplicateAdvice);
    if (!runtime_.tracking)
        return;
    TrackingRecord told = record(scene, TrackingEvent::duplicate);
    told.rule = fmt::format("duplicates: {}", alert);
    told.action = "alert";
    told.recipients = recipientsOf(scene.message.envelope);
    track(std::move(told));
}

void Journal::forget() {
    waiting_.clear();
    messageId_.clear();
    messageClass_ = {};
    sender_.clear();
    subject_.clear();
}

} // namespace sluice
