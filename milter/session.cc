// SPDX-License-Identifier: BSD-2-Clause
#include "milter/session.hh"

#include "common/text.hh"
#include "milter/esmtp_arguments.hh"
#include "milter/message_edits.hh"
#include "milter/policy/report_scan.hh"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

namespace sluice {
namespace {

std::uint64_t nextSessionId() {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

/// For mail that came by no connection, Postfix tells of one from port 0 of loopback
/// (non_smtpd_milters).
bool isInternal(const std::optional<IpAddress>& client, const sockaddr* address) {
    return client && client->isLoopback() && portOf(address) == 0;
}

/// An accepted recipient may have a mailer of that name too; its host then is a text that tells why
/// the MTA will return the mail.
bool isRefusedByMta(const MtaContext& mta) {
    return mta.macro("{rcpt_mailer}") == "error" &&
           mta.macro("{rcpt_host}").find(' ') == std::string_view::npos;
}

/// For a destructor: there is nobody to tell, and no memory to say it.
template<typename Work>
void quietly(Work work) noexcept {
    try {
        work();
    } catch (const std::exception&) { // NOLINT(bugprone-empty-catch)
    }
}

SmtpReply internalError() {
    return SmtpReply::make<451, 4, 3, 0>("Temporary failure of the filter");
}

} // namespace

Session::Session(SessionServices& services)
    : services_(services),
      runtime_(services.runtime.get()),
      id_(nextSessionId()),
      journal_(*runtime_, id_, services.rates, services.metrics) {
    services_.openSessions.opened();
}

Session::~Session() {
    quietly([this] { noteSilence(); });
    const std::size_t left = services_.openSessions.closed(); // the services may end from now on
    quietly([&] { log::debug(LogCategory::session, "session={} closed open={}", id_, left); });
}

/// A client that has heard the reply to its message goes on or takes its leave.
void Session::noteSilence() {
    if (!unacknowledged_ || services_.store == nullptr)
        return;
    const SteadyTime now = services_.calendar.now().steady;
    const auto silence =
        std::chrono::duration_cast<std::chrono::milliseconds>(now - unacknowledged_->accepted);
    if (acknowledgementLost(silence, runtime_->config.policy->loops.duplicateSilence))
        services_.store->noteLostAcknowledgement(unacknowledged_->copy, now);
}

MilterOptions Session::negotiate(const MtaContext& mta, const MilterOptions& offer) {
    MilterOptions answer;
    negotiated_ = sluice::negotiate(mta, runtime_->needs, offer, answer);
    if (!negotiated_.allEdits)
        log::error(LogCategory::session,
                   "session={} the MTA does not offer all edits that the configuration needs", id_);
    return answer;
}

sfsistat Session::putOff() const {
    // No reply may be set in the connect callback; the MTA has a text of its own for that.
    journal_.overloaded(services_.openSessions.count());
    return SMFIS_TEMPFAIL;
}

sfsistat Session::connect(const MtaContext& mta, std::string_view hostName,
                          const sockaddr* address) {
    const Runtime& runtime = *runtime_;
    client_ = Client();
    dnsblAnswers_.reset();
    dropNext_ = false;
    clearMessage();
    client_.address = IpAddress::fromSockaddr(address);
    client_.internal = isInternal(client_.address, address);
    client_.name = hostName;
    const CivilDay today = services_.calendar.now().today;
    if (const auto rule = runtime.policy.onConnect(client_, today)) {
        journal_.refused(scene(mta, Stage::connect), {*rule});
        if (!runtime.config.observe)
            return SMFIS_REJECT;
    }
    if (services_.openSessions.overloaded())
        return putOff();
    runtime.policy.admit(client_, std::string(mta.macro("{daemon_name}")),
                         std::string(mta.macro("{daemon_port}")),
                         *services_.operatorLists->networks(), today);
    if (services_.dnsbl != nullptr && runtime.policy.wantsDnsbl(client_))
        dnsblAnswers_ = services_.dnsbl->start(runtime.config.policy->connection.dnsbl,
                                               *client_.address, runtime.config.resolver.timeout);
    return SMFIS_CONTINUE;
}

std::optional<sfsistat> Session::dropped(const MtaContext& mta, Stage stage) {
    if (!dropNext_)
        return std::nullopt;
    const auto reply = SmtpReply::make<421, 4, 7, 0>("Closing connection");
    journal_.refused(scene(mta, stage), {"drop", &reply});
    return replyWith(mta, reply);
}

sfsistat Session::helo(const MtaContext& mta, std::string_view name) {
    acknowledgementHeard();
    client_.helo = name;
    return dropped(mta, Stage::helo).value_or(SMFIS_CONTINUE);
}

sfsistat Session::mail(const MtaContext& mta, char** arguments) {
    clearMessage();
    acknowledgementHeard();
    if (const auto answer = dropped(mta, Stage::mail))
        return *answer;
    Envelope& envelope = message_.envelope;
    envelope.senderText = arguments[0] == nullptr ? "" : arguments[0];
    envelope.sender = MailAddress::fromPath(envelope.senderText);
    envelope.resolvedSender = MailAddress::fromPath(mta.macro("{mail_addr}"));
    envelope.declaredSize = declaredSize(arguments);
    envelope.dsnParameters = hasParameter(arguments, {"RET", "ENVID"});
    envelope.authenticated = !mta.macro("{auth_authen}").empty();
    return apply(mta, Stage::mail,
                 runtime_->policy.onMail(client_, envelope, services_.calendar.now()), "");
}

sfsistat Session::recipient(const MtaContext& mta, char** arguments) {
    if (const auto answer = dropped(mta, Stage::rcpt))
        return *answer;
    if (isRefusedByMta(mta))
        return refusedRecipient(mta, arguments[0] == nullptr ? "" : arguments[0]);
    Recipient recipient;
    recipient.text = arguments[0] == nullptr ? "" : arguments[0];
    recipient.address = MailAddress::fromPath(recipient.text);
    recipient.resolved = MailAddress::fromPath(mta.macro("{rcpt_addr}"));
    recipient.dsnParameters = hasParameter(arguments, {"NOTIFY", "ORCPT"});
    recipient.nextHop = mta.macro("{rcpt_host}");
    static const BlockSet none;
    const auto blocks = services_.loops == nullptr ? nullptr : services_.loops->blocks();
    const BlockingScope waiting(recipientsMayWait() ? services_.blocked : nullptr);
    Decision decision =
        runtime_->policy.onRecipient(client_, message_.envelope, recipient, dnsblAnswers_.get(),
                                     blocks ? *blocks : none, services_.calendar.now());
    const sfsistat answer = apply(mta, Stage::rcpt, std::move(decision), recipient.text);
    if (answer == SMFIS_CONTINUE) {
        ++message_.envelope.recipientsAccepted;
        message_.envelope.recipients.push_back(std::move(recipient));
    }
    return answer;
}

/// The MTA gives its own reply whatever the answer is. Sendmail then closes the connection after a
/// 421; Postfix does not heed it, so that the next command that it does not refuse gets another.
sfsistat Session::refusedRecipient(const MtaContext& mta, std::string_view text) {
    const BlockingScope waiting(recipientsMayWait() ? services_.blocked : nullptr);
    return apply(mta, Stage::rcpt,
                 runtime_->policy.onRefusedRecipient(client_, mta.macro("{rcpt_host}"),
                                                     services_.calendar.now()),
                 text);
}

/// For LDAP, or for the store, which a directory and the harvest limit may ask.
bool Session::recipientsMayWait() const {
    const Config& config = runtime_->config;
    return !config.ldapDirectories.empty() ||
           (services_.storeMayWait &&
            (!config.redisDirectories.empty() || config.policy->recipient.harvestLimit != 0));
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
    journal_.describe(message_.headers);
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

/// The other areas want to know its size alone.
bool Session::readsBody() const {
    return client_.areas.has(Area::lists) || client_.areas.has(Area::loops);
}

sfsistat Session::body(std::string_view octets) {
    message_.bodyOctets += octets.size();
    if (readsBody()) {
        message_.bodyDigest.add(octets);
        message_.bodyPrefix.append(octets.substr(0, maxScannedBody - message_.bodyPrefix.size()));
    }
    if (message_.badmail)
        message_.badmail->append(octets);
    return withoutReply();
}

sfsistat Session::endOfMessage(const MtaContext& mta) {
    if (message_.failed) {
        const sfsistat answer = failMessage(mta, "the message could not be handled");
        clearMessage();
        return answer;
    }
    Decision decision;
    if (message_.verdict) {
        decision.verdict = std::move(message_.verdict);
        const sfsistat answer = apply(mta, Stage::headers, std::move(decision), "");
        if (answer != SMFIS_CONTINUE) {
            clearMessage();
            return answer;
        }
    }
    const std::uint64_t octets = message_.headers.octets() + 2 + message_.bodyOctets;
    const BodyFacts body{message_.bodyPrefix, message_.bodyOctets,
                         readsBody() ? message_.bodyDigest.finish() : Digest{}};
    const BlockingScope waiting(services_.storeMayWait ? services_.blocked : nullptr);
    const bool passesOn = message_.firstNote(Note::Kind::badmail) == nullptr;
    const Now now = services_.calendar.now();
    const sfsistat answer =
        conclude(mta,
                 runtime_->policy.onEndOfMessage(client_, message_.envelope, message_.headers, body,
                                                 passesOn, *services_.store, now),
                 now.steady);
    if (answer == SMFIS_CONTINUE || answer == SMFIS_DISCARD) {
        ++client_.messagesDone;
        client_.octetsDone += octets;
    }
    clearMessage();
    return answer;
}

sfsistat Session::conclude(const MtaContext& mta, Decision&& decision, SteadyTime now) {
    Edits edits = std::move(decision.edits);
    const LoopResponse response = std::move(decision.loop);
    const auto reported = std::move(decision.reported);
    const bool discard = decision.discard && !runtime_->config.observe;
    if (decision.messageClass)
        journal_.classify(nameOf(*decision.messageClass));
    sfsistat answer = apply(mta, Stage::message, std::move(decision), "");
    if (answer == SMFIS_CONTINUE)
        answer = discard ? drop(mta) : finish(mta, std::move(edits));
    const bool accepted = answer == SMFIS_CONTINUE || answer == SMFIS_DISCARD;
    respond(mta, response, accepted, now);
    if (accepted)
        tallyFailedMembers(mta, reported, now);
    return answer;
}

void Session::respond(const MtaContext& mta, const LoopResponse& response, bool accepted,
                      SteadyTime now) {
    if (response.copy && accepted)
        unacknowledged_ = Unacknowledged{*response.copy, services_.calendar.now().steady};
    else if (response.copy)
        services_.store->withdrawCopy(*response.copy, now);
    if (!response.alert.empty())
        journal_.alerted(scene(mta, Stage::message), response.alert);
    // observing, nothing was cut, so nobody is told so or put off
    if (response.cut && services_.loops != nullptr && !runtime_->config.observe)
        services_.loops->cut(runtime_->policy.loops(), runtime_->config.policy->loops,
                             *response.cut, response.reason, message_.envelope, now);
}

void Session::tallyFailedMembers(const MtaContext& mta,
                                 const std::vector<const MailingList*>& lists, SteadyTime now) {
    if (lists.empty())
        return;
    const auto failed = scanReport(message_.headers, message_.bodyPrefix).failedRecipients;
    for (const MailingList* const list : lists)
        for (const MailAddress& member : failed) {
            services_.store->countBounce(runtime_->policy.memberKey(*list, member),
                                         list->address.key() + ' ' + member.key(), now);
            journal_.bounced(scene(mta, Stage::message), list->address, member);
        }
}

void Session::abortMessage() {
    acknowledgementHeard();
    clearMessage();
}

void Session::clearMessage() {
    message_.clear();
    journal_.forget();
}

sfsistat Session::failMessage(const MtaContext& mta, std::string_view what) {
    const SmtpReply reply = internalError();
    journal_.failed(scene(mta, Stage::message), what, reply);
    return replyWith(mta, reply);
}

sfsistat Session::drop(const MtaContext& mta) {
    journal_.taken(scene(mta, Stage::message), true);
    return SMFIS_DISCARD;
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

sfsistat Session::apply(const MtaContext& mta, Stage stage, Decision&& decision,
                        std::string_view recipient) {
    const bool observing = runtime_->config.observe;
    for (const Note& note : decision.notes)
        journal_.noted(scene(mta, stage), note, recipient);
    if (decision.verdict) {
        const Verdict& verdict = *decision.verdict;
        journal_.refused(scene(mta, stage),
                         {verdict.rule, &verdict.reply, recipient, verdict.about});
        if (!observing)
            return carryOut(mta, verdict);
    }
    if (!observing)
        message_.keep(std::move(decision.notes));
    return SMFIS_CONTINUE;
}

sfsistat Session::carryOut(const MtaContext& mta, const Verdict& verdict) {
    switch (verdict.kind) {
    case Verdict::Kind::refuse:
        break;
    case Verdict::Kind::refuseAndDrop:
        dropNext_ = true;
        break;
    }
    if (services_.tarpit != nullptr)
        services_.tarpit->hold(verdict.delay);
    return replyWith(mta, verdict.reply);
}

sfsistat Session::replyWith(const MtaContext& mta, const SmtpReply& reply) const {
    if (!mta.setReply(reply))
        log::error(LogCategory::session, "session={} libmilter does not take the reply \"{}\"", id_,
                   reply.line());
    return reply.permanent() ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

sfsistat Session::finish(const MtaContext& mta, Edits edits) {
    if (const Note* const note = message_.firstNote(Note::Kind::badmail))
        return storeBadmail(mta, *note);
    if (runtime_->config.observe)
        edits = {};
    if (!applyEdits(mta, editsOf(std::move(edits)), negotiated_.leadingSpace))
        return failMessage(mta, "the MTA did not take an edit of the message");
    journal_.taken(scene(mta, Stage::message), false);
    return SMFIS_CONTINUE;
}

sfsistat Session::storeBadmail(const MtaContext& mta, const Note& note) {
    const BlockingScope blocking(services_.blocked);
    // Without all of the message in hand, discarding it would lose it.
    const bool whole = negotiated_.done && !message_.headers.truncated() && message_.badmail;
    const auto stored = whole ? message_.badmail->commit(badmailEnvelope(mta, note))
                              : Result<std::string>(fail("the message is not at hand as a whole"));
    if (!stored) {
        const auto reply = SmtpReply::make<451, 4, 3, 0>("Message cannot be taken now");
        journal_.notStored(scene(mta, Stage::message), stored.error().message, reply);
        return replyWith(mta, reply);
    }
    journal_.stored(scene(mta, Stage::message), note, *stored);
    return SMFIS_DISCARD;
}

Edits Session::editsOf(Edits edits) const {
    for (const Note& note : message_.notes)
        if (note.kind == Note::Kind::mark)
            edits.append.push_back({note.headerName, note.headerValue});
        else if (note.kind == Note::Kind::hold && edits.quarantine.empty())
            edits.quarantine = "sluice: " + note.rule;
    return edits;
}

BadmailEnvelope Session::badmailEnvelope(const MtaContext& mta, const Note& note) const {
    BadmailEnvelope envelope;
    envelope.queueId = mta.macro("i");
    envelope.clientAddress = client_.addressText();
    envelope.clientName = client_.name;
    envelope.helo = client_.helo;
    envelope.sender = message_.envelope.senderText;
    for (const Recipient& recipient : message_.envelope.recipients)
        envelope.recipients.push_back(recipient.text);
    envelope.rule = note.rule;
    return envelope;
}

} // namespace sluice
