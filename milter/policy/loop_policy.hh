// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/keyring.hh"
#include "common/network_set.hh"
#include "milter/policy/classification.hh"
#include "milter/policy/domain_rewrite_rules.hh"
#include "milter/policy/facts.hh"
#include "milter/policy/list_policy.hh"
#include "milter/policy/loop_blocks.hh"
#include "milter/policy/loop_detector.hh"
#include "milter/policy/time_point.hh"
#include "milter/policy/trace_stamp.hh"
#include "milter/policy/verdict.hh"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace sluice {

enum class LoopAction : std::uint8_t { hold, discard, reject };

/// A system that shares a domain with us and gets what we do not know.
struct Peer {
    std::string name;
    NetworkSet networks;
    std::unordered_set<std::string> domains;
};

struct LoopPolicySettings {
    LoopAction action = LoopAction::hold;
    LoopSettings detection;
    std::uint64_t topologyPasses = 1;
    LoopBlockMode block = LoopBlockMode::pair;
    std::vector<Peer> peers;
    std::chrono::milliseconds duplicateSilence{std::chrono::seconds(30)};
    std::optional<MailAddress> notify;
    std::string notifyRelay;
};

/// Of the names of all records in the store. Nodes of a site have the same keys, and so find each
/// other's records.
Digest storeSecret(const Keyring& keyring);

/// What is known of a message at its end, besides envelope and headers.
struct MessageFacts {
    const Client& client;
    const Envelope& envelope;
    const HeaderList& headers;
    const BodyFacts& body;
    std::string messageId; ///< canonical
    Classification classification;
    std::vector<TraceStamp> stamps; ///< the valid ones
};

/// Keeps mail from going in circles. Immutable; any number of threads.
class LoopPolicy {
public:
    /// `merged`: an address in either domain is the same party of a loop.
    LoopPolicy(const LoopPolicySettings& settings, const DomainRewriteRules& merged,
               std::shared_ptr<const Keyring> keyring);

    /// Hairpin, then blocks of earlier loops.
    [[nodiscard]] std::optional<Verdict> onRecipient(const Client& client, const Envelope& envelope,
                                                     const Recipient& recipient,
                                                     const BlockSet& blocks, SteadyTime now) const;

    /// `lists`: what the list policy made of the message; `returnedTo`: the list whose stamp the
    /// message has. Adds to `decision`; asks the store.
    void onEndOfMessage(const MessageFacts& facts, const ListOutcome& lists,
                        const MailingList* returnedTo, Store& store, SteadyTime now,
                        Decision& decision) const;

    /// The stamp of this pass.
    void stamp(const MessageFacts& facts, const ListOutcome& lists, CivilDay today,
               Decision& decision) const;

    [[nodiscard]] std::optional<StoreKey> blockAfter(const Cut& cut, const CutCount& count) const {
        return toBlock(settings_.block, cut, count);
    }

    [[nodiscard]] const KeyHasher& hasher() const { return hasher_; }

private:
    [[nodiscard]] bool turnsBack(const Client& client, const Recipient& recipient) const;
    [[nodiscard]] bool passedTooOften(const MessageFacts& facts) const;
    void nameParties(const MessageFacts& facts, LoopMessage& message) const;
    void cut(const MessageFacts& facts, const std::string& reason, Decision& decision) const;
    void mark(const MessageFacts& facts, const LoopOutcome& outcome, Decision& decision) const;

    const LoopPolicySettings& settings_;
    const DomainRewriteRules& merged_;
    std::shared_ptr<const Keyring> keyring_;
    KeyHasher hasher_;
    LoopDetector detector_;
};

} // namespace sluice
