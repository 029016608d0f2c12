// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/domain_rewrite_rules.hh"

#include "common/domain_name.hh"

#include <algorithm>
#include <utility>

namespace sluice {

bool DomainRewriteRule::isFor(const Client& client, const Envelope& envelope) const {
    return (ofTrusted && client.standing.trusted) || (ofAuthenticated && envelope.authenticated) ||
           (client.address && networks.contains(*client.address, {}));
}

std::string DomainRewriteRule::renamed(std::string_view canonicalDomain) const {
    const std::string_view labels =
        canonicalDomain.substr(0, canonicalDomain.size() - oldDomain.size());
    return labels.size() + newDomain.size() > longestDomain ? std::string()
                                                            : std::string(labels) + newDomain;
}

bool DomainRewriteRules::add(DomainRewriteRule rule) {
    std::string key = rule.key();
    return rules_.emplace(std::move(key), std::move(rule)).second;
}

bool DomainRewriteRules::anyFor(const Client& client, const Envelope& envelope) const {
    return std::any_of(rules_.begin(), rules_.end(),
                       [&](const auto& each) { return each.second.isFor(client, envelope); });
}

const DomainRewriteRule* DomainRewriteRules::find(std::string_view canonicalDomain) const {
    if (rules_.empty() || canonicalDomain.empty() || canonicalDomain.size() > longestDomain)
        return nullptr;
    const auto lookUp = [this](std::string_view key) {
        const auto found = rules_.find(std::string(key));
        return found == rules_.end() ? nullptr : &found->second;
    };
    if (const auto* const exact = lookUp(canonicalDomain))
        return exact;
    const std::string dotted = '.' + std::string(canonicalDomain);
    for (std::size_t dot = 0; dot != std::string::npos; dot = dotted.find('.', dot + 1))
        if (const auto* const above = lookUp(std::string_view(dotted).substr(dot)))
            return above;
    return nullptr;
}

MailAddress DomainRewriteRules::shownAs(const MailAddress& address) const {
    const DomainRewriteRule* const rule = find(address.domain());
    std::string domain = rule == nullptr ? std::string() : rule->renamed(address.domain());
    return domain.empty() ? address : MailAddress(address.local(), std::move(domain));
}

} // namespace sluice
