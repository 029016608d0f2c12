// SPDX-License-Identifier: BSD-2-Clause
#include "milter/runtime.hh"

#include <algorithm>

namespace sluice {
namespace {

bool hasMarkingRule(const ConnectionSettings& connection) {
    const auto& rules = connection.dnsbl->rules();
    return std::any_of(rules.begin(), rules.end(), [](const DnsblRule& rule) {
        return rule.action == DnsblRule::Action::mark;
    });
}

bool looksAtRecipients(const PolicySettings& policy) {
    return policy.limits.maxRecipients != 0 || !policy.connection.dnsbl->empty() ||
           !policy.recipient.blocked.empty() || !policy.recipient.directories.empty() ||
           !policy.recipient.restricted.empty();
}

} // namespace

MilterNeeds needsOf(const Config& config) {
    const PolicySettings& policy = *config.policy;
    const bool blocksSenders = !policy.sender.blocked.empty() || policy.sender.blockBlank;
    const bool stores = blocksSenders && policy.sender.action == SenderAction::badmail;
    const bool drops = !policy.connection.denied.empty() ||
                       (blocksSenders && policy.sender.action == SenderAction::drop);
    const bool measures = policy.limits.maxSize != 0 || policy.limits.maxSessionSize != 0;
    const bool readsHeaders = (blocksSenders && policy.sender.checkFromHeader) ||
                              policy.sender.spoofCheck != SpoofCheck::off ||
                              policy.limits.maxHops != 0;
    MilterNeeds needs;
    needs.helo = drops || stores;
    needs.data = drops;
    needs.rcpt = stores || looksAtRecipients(policy);
    needs.headers = stores || measures || readsHeaders;
    needs.body = stores || measures;
    needs.addHeaders = !config.observe && (policy.sender.spoofCheck == SpoofCheck::mark ||
                                           hasMarkingRule(policy.connection));
    needs.quarantine =
        !config.observe && blocksSenders && policy.sender.action == SenderAction::hold;
    return needs;
}

} // namespace sluice
