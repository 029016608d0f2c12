// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/address_pattern.hh"
#include "common/network_set.hh"
#include "milter/policy/dnsbl_rules.hh"
#include "milter/policy/facts.hh"
#include "milter/policy/time_point.hh"
#include "milter/policy/verdict.hh"

#include <memory>
#include <optional>

namespace sluice {

struct ConnectionSettings {
    NetworkSet restricted; ///< restrict-ip
    NetworkSet accepted;   ///< accept-ip
    NetworkSet denied;     ///< deny-ip
    NetworkSet trusted;
    std::shared_ptr<const DnsblRules> dnsbl;
    PatternSet dnsblExempt;
};

/// What an operator has added while the filter runs; it ends by itself.
struct OperatorNetworks {
    NetworkSet accepted; ///< as accept-ip
    NetworkSet denied;   ///< as deny-ip
};

/// Which clients are welcome: address lists and DNSBL rules.
class ConnectionFilter {
public:
    explicit ConnectionFilter(const ConnectionSettings& settings) : settings_(settings) {}

    /// The rule of restrict-ip that shuts this client out, if one does.
    [[nodiscard]] std::optional<std::string> restriction(const Client& client,
                                                         CivilDay today) const;

    [[nodiscard]] ClientStanding standingOf(const Client& client, const OperatorNetworks& added,
                                            CivilDay today) const;

    /// True when DNSBL rules can still matter for this client, as far as is known at connect.
    [[nodiscard]] bool wantsDnsbl(const Client& client) const;

    /// Deny list; the accept list skips it, and so do trust and authentication.
    [[nodiscard]] std::optional<Verdict> onMail(const Client& client,
                                                const Envelope& envelope) const;

    /// DNSBL rules for one recipient. `answers` is null when nothing was asked.
    [[nodiscard]] std::optional<Verdict> onRecipient(const Client& client, const Envelope& envelope,
                                                     const MailAddress& recipient,
                                                     DnsblAnswers* answers, CivilDay today,
                                                     std::vector<Note>& notes) const;

private:
    const ConnectionSettings& settings_;
};

} // namespace sluice
