// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/connection_filter.hh"
#include "milter/policy/domain_rewrite.hh"
#include "milter/policy/facts.hh"
#include "milter/policy/list_policy.hh"
#include "milter/policy/local_domains.hh"
#include "milter/policy/loop_policy.hh"
#include "milter/policy/message_limits.hh"
#include "milter/policy/recipient_filter.hh"
#include "milter/policy/sender_filter.hh"
#include "milter/policy/time_point.hh"
#include "milter/policy/verdict.hh"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sluice {

/// What one listener of the MTA applies.
struct ListenerSettings {
    AreaSet areas;
    bool authRequired = false;
};

/// Everything the decisions depend on.
struct PolicySettings {
    LocalDomains localDomains;
    ConnectionSettings connection;
    SenderSettings sender;
    RecipientSettings recipient;
    LimitSettings limits;
    ListSettings lists;
    LoopPolicySettings loops;
    DomainRewriteRules rewrites;
    std::shared_ptr<const Keyring> keyring; ///< never null
    /// By daemon name (lower case) or port number; a listener that is not here applies everything.
    std::unordered_map<std::string, ListenerSettings> listeners;
};

/// The ordered rules of each stage; the first that decides wins. Immutable; any number of threads.
class Policy {
public:
    explicit Policy(std::shared_ptr<const PolicySettings> settings);

    /// Notes in `client` what its listener applies and where it stands; once, at connect.
    void admit(Client& client, const std::string& daemonName, const std::string& daemonPort,
               const OperatorNetworks& added, CivilDay today) const;

    /// The restrict-ip rule that refuses the connection, if one does.
    [[nodiscard]] std::optional<std::string> onConnect(const Client& client, CivilDay today) const;
    [[nodiscard]] bool wantsDnsbl(const Client& client) const;

    [[nodiscard]] Decision onMail(const Client& client, const Envelope& envelope,
                                  const Now& now) const;
    /// `answers` is null when no DNSBL was asked. May wait for them, and for a directory.
    /// `recipient` has text and address as they came; what is known of it is added.
    [[nodiscard]] Decision onRecipient(const Client& client, const Envelope& envelope,
                                       Recipient& recipient, DnsblAnswers* answers,
                                       const BlockSet& blocks, const Now& now) const;
    /// A recipient that the MTA refuses by itself, and why: an enhanced status code (RFC 3463). No
    /// verdict changes that; one says that the connection is to end.
    [[nodiscard]] Decision onRefusedRecipient(const Client& client, std::string_view enhancedCode,
                                              const Now& now) const;
    [[nodiscard]] Decision onHeaders(const Client& client, const Envelope& envelope,
                                     const HeaderList& headers, const Now& now) const;
    /// May wait for the store. `passesOn`: the message will go on if nothing here speaks against
    /// it.
    [[nodiscard]] Decision onEndOfMessage(const Client& client, const Envelope& envelope,
                                          const HeaderList& headers, const BodyFacts& body,
                                          bool passesOn, Store& store, const Now& now) const;

    [[nodiscard]] const LoopPolicy& loops() const { return loops_; }
    /// Under which the failed deliveries to a member of a list are counted.
    [[nodiscard]] StoreKey memberKey(const MailingList& list, const MailAddress& member) const {
        return loops_.hasher().key(KeyHasher::Kind::member, {list.address.key(), member.key()});
    }

private:
    [[nodiscard]] MailAddress resolvedForm(const Recipient& recipient) const;
    [[nodiscard]] Decision judgeMessage(const Client& client, const Envelope& envelope,
                                        const HeaderList& headers, const BodyFacts& body,
                                        bool passesOn, Store& store, const Now& now) const;
    void identify(Recipient& recipient, const MailAddress& resolved, CivilDay today) const;

    std::shared_ptr<const PolicySettings> settings_;
    ConnectionFilter connection_;
    SenderFilter sender_;
    RecipientFilter recipient_;
    MessageLimits limits_;
    ListPolicy lists_;
    LoopPolicy loops_;
    DomainRewrite rewrite_;
};

} // namespace sluice
