// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/civil_day.hh"
#include "common/keyring.hh"
#include "milter/policy/classification.hh"
#include "milter/policy/edits.hh"
#include "milter/policy/facts.hh"
#include "milter/policy/list_settings.hh"
#include "milter/policy/trace_stamp.hh"
#include "milter/policy/verdict.hh"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice {

/// What happens to the message for the sake of its lists and robots.
struct ListOutcome {
    Edits edits;
    std::vector<Note> notes;                  ///< what was done, for the log
    bool discard = false;                     ///< no recipient is left
    std::vector<const MailingList*> posts;    ///< lists that get the message
    std::vector<const MailingList*> reported; ///< lists whose signed address got a report
};

/// Who may write to a list, what is never given to one, and what a post's envelope becomes.
/// Immutable; any number of threads.
class ListPolicy {
public:
    ListPolicy(const ListSettings& settings, std::shared_ptr<const Keyring> keyring);

    /// Sets role and list of a recipient by one form of its address. Asks no one.
    void identify(Recipient& recipient, const MailAddress& address, CivilDay today) const;

    /// `envelope.recipients` are those accepted before.
    [[nodiscard]] std::optional<Verdict> onRecipient(const Client& client, const Envelope& envelope,
                                                     const Recipient& recipient,
                                                     CivilDay today) const;

    /// The list that the post came back to: it has the list's stamp at its top level.
    [[nodiscard]] const MailingList* returnedTo(const Envelope& envelope,
                                                const std::vector<TraceStamp>& stamps) const;

    [[nodiscard]] ListOutcome onEndOfMessage(const Envelope& envelope, const HeaderList& headers,
                                             const Classification& classification,
                                             CivilDay today) const;

    [[nodiscard]] bool empty() const { return settings_.empty(); }

private:
    [[nodiscard]] const MailingList* findList(const MailAddress& address) const;
    [[nodiscard]] bool isRobot(const MailAddress& address) const;
    [[nodiscard]] bool identifyBounce(Recipient& recipient, const MailAddress& address,
                                      CivilDay today) const;
    [[nodiscard]] EnvelopeAddress returnPathOf(const MailingList& list, bool withDsn,
                                               CivilDay today) const;
    void redirect(const Recipient& recipient, const MailAddress& to, std::string rule,
                  ListOutcome& outcome) const;
    void judge(const Recipient& recipient, const Envelope& envelope,
               const Classification& classification, ListOutcome& outcome) const;
    void rewrite(const Envelope& envelope, const HeaderList& headers, CivilDay today,
                 ListOutcome& outcome) const;

    const ListSettings& settings_;
    std::shared_ptr<const Keyring> keyring_;
    /// Lists by bounceMailbox(), of which two lists may have the same.
    std::unordered_multimap<std::string, const MailingList*> byBounceMailbox_;
};

} // namespace sluice
