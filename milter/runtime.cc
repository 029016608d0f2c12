// SPDX-License-Identifier: BSD-2-Clause
#include "milter/runtime.hh"

namespace sluice {

MilterNeeds needsOf(const Config& config) {
    const PolicySettings& policy = *config.policy;
    const bool blocksSenders = !policy.sender.blocked.empty() || policy.sender.blockBlank;
    const bool stores = blocksSenders && policy.sender.action == SenderAction::badmail;
    const bool drops = !policy.connection.denied.empty() ||
                       (blocksSenders && policy.sender.action == SenderAction::drop);
    const bool holds = (blocksSenders && policy.sender.action == SenderAction::hold) ||
                       policy.loops.action == LoopAction::hold;
    MilterNeeds needs;
    needs.helo = drops || stores;
    needs.data = drops;
    needs.addHeaders = !config.observe;
    needs.changeHeaders = !config.observe && !policy.rewrites.empty();
    needs.changeSender = !config.observe;
    needs.changeRecipients = !config.observe && !policy.lists.empty();
    needs.quarantine = !config.observe && holds;
    needs.refusedRecipients = policy.recipient.harvestLimit != 0;
    return needs;
}

} // namespace sluice
