// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/locked.hh"
#include "milter/adapters/notifier_smtp.hh"
#include "milter/policy/loop_blocks.hh"
#include "milter/policy/loop_policy.hh"
#include "milter/policy/notice_budget.hh"
#include "milter/policy/store.hh"

#include <memory>
#include <mutex>
#include <string>

namespace sluice {

/// What follows when a message was found in a loop: it is counted, blocks what turns too often, and
/// the operator gets a notice, one a loop and hour, within a NoticeBudget. Holds the blocks in
/// force, so that a recipient asks no store. Lives as long as the process. Threads: any.
class LoopWatch {
public:
    LoopWatch(Store& store, SmtpNotifier& notifier) : store_(store), notifier_(notifier) {}

    /// A message that was cut. `envelope` is its own.
    void cut(const LoopPolicy& policy, const LoopPolicySettings& settings, const Cut& cut,
             const std::string& reason, const Envelope& envelope, SteadyTime now);

    [[nodiscard]] std::shared_ptr<const BlockSet> blocks() const { return blocks_.get(); }
    /// Takes up the blocks that other nodes or an operator have made or cleared.
    void refresh(SteadyTime now);

private:
    void block(const StoreKey& key, const std::string& label, SteadyTime now);
    void notify(const LoopPolicySettings& settings, const Cut& cut, const std::string& reason,
                const Envelope& envelope, SteadyTime now);

    [[nodiscard]] NoticeBudget::Answer takeNotice(SteadyTime now);

    Store& store_;
    SmtpNotifier& notifier_;
    std::mutex budgetMutex_;
    NoticeBudget budget_;
    Snapshot<BlockSet> blocks_{std::make_shared<const BlockSet>()};
};

} // namespace sluice
