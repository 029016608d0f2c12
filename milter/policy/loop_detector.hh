// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/ip_network.hh"
#include "common/mail_address.hh"
#include "milter/policy/duplicate_filter.hh"
#include "milter/policy/store.hh"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

struct LoopSettings {
    unsigned depth = 3;                                  ///< loop-depth
    std::chrono::seconds memory = std::chrono::hours(6); ///< loop-memory
    DuplicateMode duplicates = DuplicateMode::evidence;  ///< duplicates
};

/// What the detector wants to know of a message whose end has come. Views need to last for the call
/// only.
struct LoopMessage {
    std::optional<IpAddress> client; ///< none: not over TCP
    MailAddress sender;              ///< of the envelope
    /// The first mailbox of From: (headerAddresses()); the null address when there is none.
    MailAddress author;
    std::vector<MailAddress> recipients; ///< the accepted ones, in any order
    /// The same by the names that authors have; empty: there is no difference.
    std::vector<MailAddress> parties;
    std::string messageId; ///< canonicalMessageId(); empty: none
    /// References: and then In-Reply-To:, as the fields' values stand one after the other, joined
    /// by a blank.
    std::string_view references;
    /// Of a report: ReportFindings::originalMessageId, which counts as a reference.
    std::string reportedMessageId;
    std::string_view subject; ///< the field's value
    std::string_view date;    ///< the same
    bool automatic = false;   ///< Classification::automatic()
    bool reaction = false;    ///< Classification::reaction()
    std::string_view text;    ///< firstTextAsSent(), maxTemplateInput octets are enough
    Digest bodyDigest{};      ///< RunningDigest of the body as it came
    std::uint64_t bodyOctets = 0;
    std::uint64_t receivedLines = 0; ///< HeaderList::receivedCount()
    std::string_view stamps; ///< the values of all X-Sluice-Trace fields, one after the other
    std::vector<MailAddress> lists; ///< those of the recipients that are lists
};

/// The ladder. The higher includes the lower.
enum class LoopStep : std::uint8_t {
    pass,
    mark,              ///< add Auto-Submitted and Precedence where they are absent
    markAndNullSender, ///< and make the envelope sender null, so that nothing answers
    loop,              ///< loop-action
};

struct LoopOutcome {
    LoopStep step = LoopStep::pass;
    /// For log, notice and `sluicectl simulate`; "" for pass. Shows nothing that is not ours.
    std::string reason;
    unsigned depth = 1;     ///< of the chain or the row of turns, whichever is deeper
    bool retry = false;     ///< the same message came before; it changes nothing
    bool storeDown = false; ///< the store was unavailable, so nothing could be found out
    std::vector<MailAddress>
        cameBackTo; ///< the lists of LoopMessage::lists it was posted to before
    DuplicateDecision duplicate;
    CopyAnswer copies; ///< for log and alert
    /// Under which the copy is counted; none where it is not. Good until its message is accepted
    /// and acknowledged, see below.
    std::optional<StoreKey> copy;
};

/// Finds mail that answers itself: it counts causality, never volume. Immutable; any thread.
///
/// At end of message, once the policy has nothing else against the message:
///
///     LoopOutcome outcome = detector.examine(store, message, now);
///
///   1. `duplicate.drop`: accept and discard; nothing else of this list. `duplicate.alert`: alert.
///   2. `cameBackTo` is not empty, or `step` is `loop`: loop-action, with 554 5.4.6 in place of a
///      discard where the sender is null and a list is concerned. Then countCut(): see
///      loop_blocks.hh.
///   3. `step` is a mark: edit the message, and let it pass. `pass`: let it pass.
///   4. Whatever was not answered with our accept (SMFIS_ACCEPT, SMFIS_CONTINUE or SMFIS_DISCARD),
///      for whatever reason (observe mode accepts): store.withdrawCopy(*outcome.copy, now).
///      With our accept: keep `outcome.copy` and the time in the session.
///
/// At whatever the session hears next:
///
///   - a command (HELO, MAIL, RCPT, DATA, or an abort): forget the copy; the client has heard us.
///   - the close of the connection, at a time t: if acknowledgementLost(t - accepted,
///     duplicate-silence), then store.noteLostAcknowledgement(*copy, t). A dropped duplicate counts
///     in the same way. Once: close may be called twice.
///
/// One round trip to the store, two when the message has references. Passes (valid stamps for the
/// same recipient) and the hop count are the caller's, before this.
class LoopDetector {
public:
    LoopDetector(const LoopSettings& settings, const KeyHasher& hasher)
        : settings_(settings), hasher_(hasher) {}

    [[nodiscard]] LoopOutcome examine(Store& store, const LoopMessage& message,
                                      SteadyTime now) const;

    /// How long what an automatic message has done is remembered; loop-memory at least.
    static constexpr std::chrono::seconds automaticMemory = std::chrono::hours(48);
    static constexpr std::size_t maxReferences = 8;
    static constexpr std::size_t maxListsExamined = EndOfMessageQuestion::maxPosts;
    /// A shorter template proves nothing where nobody says that a program wrote it ("Thanks!").
    static constexpr std::size_t shortestTemplate = 12;

    /// Rows are kept for messages of so many recipients at most.
    static constexpr std::size_t maxRowRecipients = 10;

private:
    struct Chain;
    [[nodiscard]] std::vector<StoreKey> referencesOf(const LoopMessage& message) const;
    [[nodiscard]] std::optional<std::vector<std::optional<KnownLink>>>
    ancestorsOf(Store& store, const LoopMessage& message, SteadyTime now) const;
    [[nodiscard]] Chain chainOf(const LoopMessage& message,
                                const std::vector<std::optional<KnownLink>>& ancestors) const;
    [[nodiscard]] static bool answersItself(const LoopMessage& message, const ChainLink& own,
                                            const std::vector<std::optional<KnownLink>>& ancestors);
    [[nodiscard]] bool follows(const Chain& chain, const KnownLink& ancestor, bool toList) const;
    [[nodiscard]] EndOfMessageQuestion questionOf(const LoopMessage& message,
                                                  const Chain& chain) const;
    [[nodiscard]] StoreKey copyKey(const LoopMessage& message) const;
    [[nodiscard]] StoreKey messageKey(const std::string& messageId) const;
    void climb(const Chain& chain, const TurnAnswer& row, LoopOutcome& outcome) const;

    LoopSettings settings_;
    KeyHasher hasher_;
};

} // namespace sluice
