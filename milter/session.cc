// SPDX-License-Identifier: BSD-2-Clause
#include "milter/session.hh"

#include "common/text.hh"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <limits>

namespace sluice {
namespace {

constexpr unsigned long noReplySteps = SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY;
/// Lists of this size are kept between messages; larger ones are given back.
constexpr std::size_t keptListCapacity = 64;

std::uint64_t nextSessionId() {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

SmtpReply internalError() {
    return SmtpReply::make<451, 4, 3, 0>("Temporary failure of the filter");
}

unsigned long unneededSteps(const MilterNeeds& needs) {
    unsigned long steps = SMFIP_NOUNKNOWN;
    steps |= needs.helo ? 0UL : SMFIP_NOHELO;
    steps |= needs.rcpt ? 0UL : SMFIP_NORCPT;
    steps |= needs.data ? 0UL : SMFIP_NODATA;
    steps |= needs.headers ? 0UL : SMFIP_NOHDRS | SMFIP_NOEOH;
    steps |= needs.body ? 0UL : SMFIP_NOBODY;
    return steps;
}

unsigned long neededActions(const MilterNeeds& needs) {
    return (needs.addHeaders ? static_cast<unsigned long>(SMFIF_ADDHDRS) : 0UL) |
           (needs.quarantine ? static_cast<unsigned long>(SMFIF_QUARANTINE) : 0UL);
}

/// The SIZE parameter of MAIL (RFC 1870 section 6). A malformed one is ignored, one over 64 bits is
/// as large as can be.
std::optional<std::uint64_t> declaredSize(char** arguments) {
    static constexpr std::string_view key = "SIZE=";
    for (char** argument = arguments; *argument != nullptr; ++argument) {
        const std::string_view text = *argument;
        if (!equalsIgnoringCase(text.substr(0, key.size()), key))
            continue;
        const std::string_view digits = text.substr(key.size());
        const bool number =
            !digits.empty() &&
            std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
        if (!number)
            return std::nullopt;
        const auto size = parseUnsigned(digits);
        return size ? *size : std::numeric_limits<std::uint64_t>::max();
    }
    return std::nullopt;
}

/// `name="value"`, with nothing in the value that could end it.
void appendField(std::string& line, std::string_view name, std::string_view value) {
    line.append(" ").append(name).append("=\"");
    for (const char c : escapeForDisplay(value))
        c == '"' ? line.append("\\x22") : line.append(1, c);
    line.append("\"");
}

std::string_view noteAction(Note::Kind kind) {
    switch (kind) {
    case Note::Kind::mark:
        return "mark";
    case Note::Kind::badmail:
        return "badmail";
    case Note::Kind::hold:
        return "hold";
    case Note::Kind::observe:
        return "observe";
    }
    return "";
}

} // namespace

void Message::clear() {
    envelope = Envelope();
    recipients.clear();
    if (recipients.capacity() > keptListCapacity)
        recipients.shrink_to_fit();
    headers.clear();
    bodyOctets = 0;
    notes.clear();
    verdict.reset();
    badmail.reset();
    failed = false;
}

const Note* Message::firstNote(Note::Kind kind) const {
    const auto found = std::find_if(notes.begin(), notes.end(),
                                    [&](const Note& note) { return note.kind == kind; });
    return found == notes.end() ? nullptr : &*found;
}

Session::Session(SessionServices& services)
    : services_(services), runtime_(services.runtime.get()), id_(nextSessionId()) {
    services_.openSessions.opened();
}

Session::~Session() {
    const std::size_t left = services_.openSessions.closed();
    log::debug(LogCategory::session, "session={} closed open={}", id_, left);
}

std::string_view Session::stageName(Stage stage) {
    switch (stage) {
    case Stage::connect:
        return "connect";
    case Stage::helo:
        return "helo";
    case Stage::mail:
        return "mail";
    case Stage::rcpt:
        return "rcpt";
    case Stage::data:
        return "data";
    case Stage::headers:
        return "headers";
    case Stage::message:
        return "message";
    }
    return "";
}

void Session::negotiate(const MtaContext& mta, unsigned long offeredActions,
                        unsigned long offeredSteps, unsigned long& actions, unsigned long& steps) {
    const MilterNeeds& needs = runtime_->needs;
    const unsigned long wanted = neededActions(needs);
    if ((offeredActions & wanted) != wanted)
        log::error(LogCategory::session,
                   "session={} the MTA does not offer all edits that the configuration needs", id_);
    const bool listsMacros = (offeredActions & SMFIF_SETSYMLIST) != 0;
    actions = (wanted & offeredActions) |
              (listsMacros ? static_cast<unsigned long>(SMFIF_SETSYMLIST) : 0UL);
    steps = offeredSteps & (unneededSteps(needs) | noReplySteps | SMFIP_HDR_LEADSPC);
    negotiated_.done = true;
    negotiated_.noReplyToHeaders = (offeredSteps & noReplySteps) == noReplySteps;
    negotiated_.leadingSpace = (offeredSteps & SMFIP_HDR_LEADSPC) != 0;
    if (!negotiated_.noReplyToHeaders)
        steps &= ~noReplySteps;
    if (!listsMacros)
        return;
    mta.wantMacros(SMFIM_CONNECT, "{daemon_name} {daemon_port}");
    mta.wantMacros(SMFIM_ENVFROM, "i {auth_authen} {mail_addr}");
    mta.wantMacros(SMFIM_ENVRCPT, "i {rcpt_addr}");
    mta.wantMacros(SMFIM_EOM, "i");
}

sfsistat Session::putOff() const {
    // No reply may be set in the connect callback; the MTA has a text of its own for that.
    log::warning(LogCategory::session, "session={} put off: {} connections are open", id_,
                 services_.openSessions.count());
    return SMFIS_TEMPFAIL;
}

sfsistat Session::connect(const MtaContext& mta, std::string_view hostName,
                          const sockaddr* address) {
    const Runtime& runtime = *runtime_;
    client_ = Client();
    dnsblAnswers_.reset();
    dropNext_ = false;
    message_.clear();
    client_.address = IpAddress::fromSockaddr(address);
    client_.name = hostName;
    const CivilDay today = services_.calendar.now().today;
    if (const auto rule = runtime.policy.onConnect(client_, today)) {
        logDecision(mta, Stage::connect, *rule, "refuse", "", "");
        if (!runtime.config.observe)
            return SMFIS_REJECT;
    }
    if (services_.openSessions.overloaded())
        return putOff();
    runtime.policy.admit(client_, std::string(mta.macro("{daemon_name}")),
                         std::string(mta.macro("{daemon_port}")), today);
    if (services_.dnsbl != nullptr && runtime.policy.wantsDnsbl(client_))
        dnsblAnswers_ = services_.dnsbl->start(runtime.config.policy->connection.dnsbl,
                                               *client_.address, runtime.config.resolver.timeout);
    return SMFIS_CONTINUE;
}

std::optional<sfsistat> Session::dropped(const MtaContext& mta, Stage stage) {
    if (!dropNext_)
        return std::nullopt;
    const auto reply = SmtpReply::make<421, 4, 7, 0>("Closing connection");
    logDecision(mta, stage, "drop", "refuse", reply.line(), "");
    return replyWith(mta, reply);
}

sfsistat Session::helo(const MtaContext& mta, std::string_view name) {
    client_.helo = name;
    return dropped(mta, Stage::helo).value_or(SMFIS_CONTINUE);
}

sfsistat Session::mail(const MtaContext& mta, char** arguments) {
    message_.clear();
    if (const auto answer = dropped(mta, Stage::mail))
        return *answer;
    Envelope& envelope = message_.envelope;
    envelope.senderText = arguments[0] == nullptr ? "" : arguments[0];
    envelope.sender = MailAddress::fromPath(envelope.senderText);
    envelope.resolvedSender = MailAddress::fromPath(mta.macro("{mail_addr}"));
    envelope.declaredSize = arguments[0] == nullptr ? std::nullopt : declaredSize(arguments + 1);
    envelope.authenticated = !mta.macro("{auth_authen}").empty();
    return apply(mta, Stage::mail,
                 runtime_->policy.onMail(client_, envelope, services_.calendar.now()), "");
}

sfsistat Session::recipient(const MtaContext& mta, char** arguments) {
    if (const auto answer = dropped(mta, Stage::rcpt))
        return *answer;
    const std::string_view text = arguments[0] == nullptr ? "" : arguments[0];
    const sfsistat answer =
        apply(mta, Stage::rcpt,
              runtime_->policy.onRecipient(
                  client_, message_.envelope,
                  {MailAddress::fromPath(text), MailAddress::fromPath(mta.macro("{rcpt_addr}"))},
                  dnsblAnswers_.get(), services_.calendar.now()),
              text);
    if (answer == SMFIS_CONTINUE) {
        ++message_.envelope.recipientsAccepted;
        if (runtime_->badmail)
            message_.recipients.emplace_back(text);
    }
    return answer;
}

sfsistat Session::data(const MtaContext& mta) {
    return dropped(mta, Stage::data).value_or(SMFIS_CONTINUE);
}

sfsistat Session::withoutReply() const {
    return negotiated_.noReplyToHeaders ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

sfsistat Session::header(std::string_view name, std::string_view value) {
    if (negotiated_.leadingSpace)
        message_.headers.add(name, value);
    else
        message_.headers.add(name, fmt::format(" {}", value));
    return withoutReply();
}

sfsistat Session::endOfHeaders(const MtaContext& mta) {
    Decision decision = runtime_->policy.onHeaders(client_, message_.envelope, message_.headers,
                                                   services_.calendar.now());
    // The reply can only be given at end of message when none is expected here.
    if (negotiated_.noReplyToHeaders) {
        message_.verdict = std::move(decision.verdict);
        decision.verdict.reset();
    }
    const sfsistat answer = apply(mta, Stage::headers, std::move(decision), "");
    if (message_.firstNote(Note::Kind::badmail) != nullptr && !message_.verdict &&
        runtime_->badmail) {
        message_.badmail = runtime_->badmail->begin();
        message_.badmail->append(message_.headers.text());
        message_.badmail->append("\r\n");
    }
    return answer == SMFIS_CONTINUE ? withoutReply() : answer;
}

sfsistat Session::body(std::string_view octets) {
    message_.bodyOctets += octets.size();
    if (message_.badmail)
        message_.badmail->append(octets);
    return withoutReply();
}

sfsistat Session::endOfMessage(const MtaContext& mta) {
    if (message_.failed) {
        message_.clear();
        return replyWith(mta, internalError());
    }
    Decision decision;
    if (message_.verdict) {
        decision.verdict = std::move(message_.verdict);
        const sfsistat answer = apply(mta, Stage::headers, std::move(decision), "");
        if (answer != SMFIS_CONTINUE) {
            message_.clear();
            return answer;
        }
    }
    const std::uint64_t octets = message_.headers.octets() + 2 + message_.bodyOctets;
    sfsistat answer =
        apply(mta, Stage::message, runtime_->policy.onEndOfMessage(client_, octets), "");
    if (answer == SMFIS_CONTINUE)
        answer = finish(mta);
    if (answer == SMFIS_CONTINUE || answer == SMFIS_DISCARD) {
        ++client_.messagesDone;
        client_.octetsDone += octets;
    }
    message_.clear();
    return answer;
}

void Session::abortMessage() {
    message_.clear();
}

sfsistat Session::afterFailure(const MtaContext& mta, bool inMessageText) noexcept {
    message_.failed = true;
    if (inMessageText && negotiated_.noReplyToHeaders)
        return SMFIS_NOREPLY;
    try {
        return replyWith(mta, internalError());
    } catch (...) {
        return SMFIS_TEMPFAIL; // the MTA then has a text of its own
    }
}

sfsistat Session::apply(const MtaContext& mta, Stage stage, Decision decision,
                        std::string_view recipient) {
    const bool observing = runtime_->config.observe;
    for (const Note& note : decision.notes)
        logDecision(mta, stage, note.rule, noteAction(note.kind), "", recipient);
    if (decision.verdict) {
        logDecision(mta, stage, decision.verdict->rule, "refuse", decision.verdict->reply.line(),
                    recipient);
        if (!observing)
            return carryOut(mta, *decision.verdict);
    }
    if (!observing)
        keep(std::move(decision.notes));
    return SMFIS_CONTINUE;
}

void Session::keep(std::vector<Note> notes) {
    for (Note& note : notes) {
        const bool known =
            std::any_of(message_.notes.begin(), message_.notes.end(), [&](const Note& other) {
                return other.kind == note.kind && other.headerName == note.headerName &&
                       other.headerValue == note.headerValue;
            });
        if (!known && note.kind != Note::Kind::observe)
            message_.notes.push_back(std::move(note));
    }
}

sfsistat Session::carryOut(const MtaContext& mta, const Verdict& verdict) {
    switch (verdict.kind) {
    case Verdict::Kind::refuse:
        break;
    case Verdict::Kind::refuseAndDrop:
        dropNext_ = true;
        break;
    }
    return replyWith(mta, verdict.reply);
}

sfsistat Session::replyWith(const MtaContext& mta, const SmtpReply& reply) const {
    if (!mta.setReply(reply))
        log::error(LogCategory::session, "session={} libmilter does not take the reply \"{}\"", id_,
                   reply.line());
    return reply.permanent() ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

sfsistat Session::finish(const MtaContext& mta) {
    if (const Note* const note = message_.firstNote(Note::Kind::badmail))
        return storeBadmail(mta, *note);
    if (!edit(mta)) {
        log::error(LogCategory::session, "session={} the MTA did not take an edit of the message",
                   id_);
        return replyWith(mta, internalError());
    }
    logAccepted(mta);
    return SMFIS_CONTINUE;
}

sfsistat Session::storeBadmail(const MtaContext& mta, const Note& note) {
    const BlockingScope blocking(services_.blocked);
    // Without all of the message in hand, discarding it would lose it.
    const bool whole = negotiated_.done && !message_.headers.truncated() && message_.badmail;
    const auto stored = whole ? message_.badmail->commit(badmailEnvelope(mta, note))
                              : Result<std::string>(fail("the message is not at hand as a whole"));
    if (!stored) {
        log::error(LogCategory::badmail, "session={} not stored: {}", id_, stored.error().message);
        return replyWith(mta, SmtpReply::make<451, 4, 3, 0>("Message cannot be taken now"));
    }
    log::info(LogCategory::badmail, "session={} stored: {}", id_, *stored);
    return SMFIS_DISCARD;
}

bool Session::edit(const MtaContext& mta) const {
    const char* const blank = negotiated_.leadingSpace ? " " : "";
    return std::all_of(message_.notes.begin(), message_.notes.end(), [&](const Note& note) {
        switch (note.kind) {
        case Note::Kind::mark:
            return mta.addHeader(note.headerName, blank + note.headerValue);
        case Note::Kind::hold:
            return mta.quarantine(escapeForDisplay("sluice: " + note.rule));
        case Note::Kind::badmail:
        case Note::Kind::observe:
            return true;
        }
        return true;
    });
}

BadmailEnvelope Session::badmailEnvelope(const MtaContext& mta, const Note& note) const {
    BadmailEnvelope envelope;
    envelope.queueId = mta.macro("i");
    envelope.clientAddress = client_.addressText();
    envelope.clientName = client_.name;
    envelope.helo = client_.helo;
    envelope.sender = message_.envelope.senderText;
    envelope.recipients = message_.recipients;
    envelope.rule = note.rule;
    return envelope;
}

void Session::logDecision(const MtaContext& mta, Stage stage, std::string_view rule,
                          std::string_view action, std::string_view reply,
                          std::string_view recipient) const {
    if (!log::enabled(LogCategory::decision, LogLevel::info))
        return;
    std::string line = fmt::format(
        "session={} queue={} client={} stage={} action={}{}", id_, escapeForDisplay(mta.macro("i")),
        client_.addressText(), stageName(stage), runtime_->config.observe ? "would-" : "", action);
    appendField(line, "rule", rule);
    if (!reply.empty())
        appendField(line, "reply", reply);
    if (stage >= Stage::mail)
        appendField(line, "from", message_.envelope.senderText);
    if (!recipient.empty())
        appendField(line, "to", recipient);
    log::write(LogCategory::decision, LogLevel::info, std::move(line));
}

void Session::logAccepted(const MtaContext& mta) const {
    if (!log::enabled(LogCategory::decision, LogLevel::debug))
        return;
    std::string line =
        fmt::format("session={} queue={} client={} stage=message action=accept recipients={}", id_,
                    escapeForDisplay(mta.macro("i")), client_.addressText(),
                    message_.envelope.recipientsAccepted);
    appendField(line, "from", message_.envelope.senderText);
    log::write(LogCategory::decision, LogLevel::debug, std::move(line));
}

} // namespace sluice
