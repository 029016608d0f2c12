// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/mail_address.hh"
#include "common/network_set.hh"
#include "milter/policy/facts.hh"

#include <string>
#include <string_view>
#include <unordered_map>

namespace sluice {

/// One rewrite-domain. Domains are in canonical form.
struct DomainRewriteRule {
    std::string oldDomain;
    bool below = false; ///< and the domains below it, whose first labels stay
    std::string newDomain;
    bool ofTrusted = true;       ///< mail of trusted networks
    bool ofAuthenticated = true; ///< mail of authenticated clients
    NetworkSet networks;         ///< mail of these clients
    bool evenSigned = false;     ///< messages with a signature too

    /// `example.com`, or `.example.com` with what is below it: no two rules have the same.
    [[nodiscard]] std::string key() const { return (below ? "." : "") + oldDomain; }
    /// As it was written: `.example.com=example.org`.
    [[nodiscard]] std::string text() const { return key() + '=' + newDomain; }
    [[nodiscard]] bool isFor(const Client& client, const Envelope& envelope) const;
    /// What becomes of a domain that find() has the rule for; empty when that is too long for one.
    [[nodiscard]] std::string renamed(std::string_view canonicalDomain) const;
};

/// What domains have become others, to the outside. Filled once, then read by any number of
/// threads.
class DomainRewriteRules {
public:
    /// False: there is one for the same domain.
    bool add(DomainRewriteRule rule);

    [[nodiscard]] bool empty() const { return rules_.empty(); }
    /// Whether a rule is for mail of this client.
    [[nodiscard]] bool anyFor(const Client& client, const Envelope& envelope) const;

    /// The rule with the longest name that covers the domain; before all others one for it alone.
    [[nodiscard]] const DomainRewriteRule* find(std::string_view canonicalDomain) const;

    /// The address by which the outside knows this one, whoever writes to whom.
    [[nodiscard]] MailAddress shownAs(const MailAddress& address) const;

private:
    std::unordered_map<std::string, DomainRewriteRule> rules_; ///< by key()
};

} // namespace sluice
