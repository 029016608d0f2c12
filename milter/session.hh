// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/locked.hh"
#include "common/log.hh"
#include "milter/blocked_callbacks.hh"
#include "milter/calendar.hh"
#include "milter/dnsbl_service.hh"
#include "milter/journal.hh"
#include "milter/loop_watch.hh"
#include "milter/mail_rates.hh"
#include "milter/message.hh"
#include "milter/mta_context.hh"
#include "milter/negotiation.hh"
#include "milter/open_sessions.hh"
#include "milter/operator_lists.hh"
#include "milter/policy/facts.hh"
#include "milter/runtime.hh"
#include "milter/tarpit.hh"

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
    Tarpit* tarpit = nullptr;
    Store* store = nullptr;
    bool storeMayWait = false; ///< for so long that other sessions must not wait with it
    LoopWatch* loops = nullptr;
    OperatorLists* operatorLists = nullptr;
    PrometheusMetrics* metrics = nullptr; ///< null: nothing is measured
    Calendar calendar;
    OpenSessions openSessions;
    MailRates rates;
    std::atomic<int> callbacksRunning{0};
};

/// A copy of a message that we have accepted, until the client shows that it has heard so.
struct Unacknowledged {
    StoreKey copy;
    SteadyTime accepted;
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

    /// What to answer the MTA in option negotiation.
    MilterOptions negotiate(const MtaContext& mta, const MilterOptions& offer);

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
    [[nodiscard]] sfsistat putOff() const;
    sfsistat refusedRecipient(const MtaContext& mta, std::string_view text);
    std::optional<sfsistat> dropped(const MtaContext& mta, Stage stage);
    [[nodiscard]] sfsistat withoutReply() const;
    [[nodiscard]] bool recipientsMayWait() const;

    [[nodiscard]] bool readsBody() const;
    /// Tells the decision, keeps its notes, and carries out its verdict.
    sfsistat apply(const MtaContext& mta, Stage stage, Decision&& decision,
                   std::string_view recipient);
    sfsistat carryOut(const MtaContext& mta, const Verdict& verdict);
    sfsistat replyWith(const MtaContext& mta, const SmtpReply& reply) const;

    /// What the policy decided about the whole message, and what of that was done to it.
    sfsistat conclude(const MtaContext& mta, Decision&& decision, SteadyTime now);
    void respond(const MtaContext& mta, const LoopResponse& response, bool accepted,
                 SteadyTime now);
    void tallyFailedMembers(const MtaContext& mta, const std::vector<const MailingList*>& lists,
                            SteadyTime now);
    void noteSilence();
    void acknowledgementHeard() { unacknowledged_.reset(); }
    sfsistat finish(const MtaContext& mta, Edits edits);
    sfsistat drop(const MtaContext& mta);
    /// The message is put off for a trouble of ours.
    sfsistat failMessage(const MtaContext& mta, std::string_view what);
    void clearMessage();
    sfsistat storeBadmail(const MtaContext& mta, const Note& note);
    /// The policy's edits, and those that the notes ask for.
    [[nodiscard]] Edits editsOf(Edits edits) const;
    [[nodiscard]] BadmailEnvelope badmailEnvelope(const MtaContext& mta, const Note& note) const;

    [[nodiscard]] Scene scene(const MtaContext& mta, Stage stage) const {
        return {mta, client_, message_, stage};
    }

    SessionServices& services_;
    const std::shared_ptr<const Runtime> runtime_;
    const std::uint64_t id_;
    Journal journal_;
    Negotiated negotiated_;
    Client client_;
    std::unique_ptr<DnsblAnswers> dnsblAnswers_;
    std::optional<Unacknowledged> unacknowledged_;
    bool dropNext_ = false; ///< the next HELO, MAIL, RCPT or DATA gets 421
    Message message_;
};

} // namespace sluice
