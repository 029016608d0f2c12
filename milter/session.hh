// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/locked.hh"
#include "common/log.hh"
#include "milter/blocked_callbacks.hh"
#include "milter/calendar.hh"
#include "milter/dnsbl_service.hh"
#include "milter/mta_context.hh"
#include "milter/open_sessions.hh"
#include "milter/policy/facts.hh"
#include "milter/runtime.hh"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct sockaddr;

namespace sluice {

/// What all sessions share. Outlives them.
struct SessionServices {
    Snapshot<Runtime> runtime;
    DnsblService* dnsbl = nullptr;
    BlockedCallbacks* blocked = nullptr;
    Calendar calendar;
    OpenSessions openSessions;
    std::atomic<int> callbacksRunning{0};
};

/// What the MTA agreed to in option negotiation.
struct Negotiated {
    bool done = false;            ///< false: a connection that follows QUIT_NC
    bool noReplyToHeaders = true; ///< for headers, end of headers and body alike
    bool leadingSpace = true;     ///< header values come, and go, with their leading blank
};

/// The part of a message that the filter keeps: begins at MAIL, ends with the message.
struct Message {
    Envelope envelope;
    std::vector<std::string> recipients; ///< accepted ones as sent, kept for badmail only
    HeaderList headers;
    std::uint64_t bodyOctets = 0;
    std::vector<Note> notes;        ///< what must be done at end of message
    std::optional<Verdict> verdict; ///< decided where no reply was possible
    std::unique_ptr<BadmailMessage> badmail;
    bool failed = false; ///< a callback could not do its work

    void clear();
    [[nodiscard]] const Note* firstNote(Note::Kind kind) const;
};

/// One connection of the MTA: takes what the callbacks hand over, asks the policy, and applies what
/// it says. Called by one thread at a time, by different ones over its life. Functions may throw;
/// the callbacks turn that into 451.
class Session {
public:
    explicit Session(SessionServices& services);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// Picks from what the MTA offers (SMFIF_* and SMFIP_*) what the configuration needs.
    void negotiate(const MtaContext& mta, unsigned long offeredActions, unsigned long offeredSteps,
                   unsigned long& actions, unsigned long& steps);

    sfsistat connect(const MtaContext& mta, std::string_view hostName, const sockaddr* address);
    sfsistat helo(const MtaContext& mta, std::string_view name);
    sfsistat mail(const MtaContext& mta, char** arguments);
    sfsistat recipient(const MtaContext& mta, char** arguments);
    sfsistat data(const MtaContext& mta);
    sfsistat header(std::string_view name, std::string_view value);
    sfsistat endOfHeaders(const MtaContext& mta);
    sfsistat body(std::string_view octets);
    sfsistat endOfMessage(const MtaContext& mta);
    void abortMessage();

    /// The reply when a callback could not do its work: 451, and nothing of the message is lost.
    /// After a failure where no reply is possible, end of message gives it.
    sfsistat afterFailure(const MtaContext& mta, bool inMessageText) noexcept;

private:
    enum class Stage : std::uint8_t { connect, helo, mail, rcpt, data, headers, message };
    static std::string_view stageName(Stage stage);

    [[nodiscard]] sfsistat putOff() const;
    std::optional<sfsistat> dropped(const MtaContext& mta, Stage stage);
    [[nodiscard]] sfsistat withoutReply() const;

    /// Logs the decision, keeps its notes, and carries out its verdict.
    sfsistat apply(const MtaContext& mta, Stage stage, Decision decision,
                   std::string_view recipient);
    sfsistat carryOut(const MtaContext& mta, const Verdict& verdict);
    void keep(std::vector<Note> notes);
    sfsistat replyWith(const MtaContext& mta, const SmtpReply& reply) const;

    sfsistat finish(const MtaContext& mta);
    sfsistat storeBadmail(const MtaContext& mta, const Note& note);
    /// Marks and quarantine. False: an edit failed.
    [[nodiscard]] bool edit(const MtaContext& mta) const;
    [[nodiscard]] BadmailEnvelope badmailEnvelope(const MtaContext& mta, const Note& note) const;

    void logDecision(const MtaContext& mta, Stage stage, std::string_view rule,
                     std::string_view action, std::string_view reply,
                     std::string_view recipient) const;
    void logAccepted(const MtaContext& mta) const;

    SessionServices& services_;
    const std::shared_ptr<const Runtime> runtime_;
    const std::uint64_t id_;
    Negotiated negotiated_;
    Client client_;
    std::unique_ptr<DnsblAnswers> dnsblAnswers_;
    bool dropNext_ = false; ///< the next HELO, MAIL, RCPT or DATA gets 421
    Message message_;
};

} // namespace sluice
