// SPDX-License-Identifier: BSD-2-Clause
#include "milter/loop_watch.hh"

#include "common/duration.hh"
#include "common/log.hh"
#include "common/text.hh"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace sluice {
namespace {

constexpr std::string_view lastNotice =
    "\nThere were many different loops within the last hour. Those that follow stand in the log "
    "alone until the hour is over (\"mail loop: \").\n";

/// A notice to someone who is in the loop would feed it.
bool takesPart(const MailAddress& address, const Envelope& envelope) {
    return address == envelope.sender ||
           std::any_of(envelope.recipients.begin(), envelope.recipients.end(),
                       [&](const Recipient& recipient) { return recipient.address == address; });
}

} // namespace

void LoopWatch::cut(const LoopPolicy& policy, const LoopPolicySettings& settings, const Cut& cut,
                    const std::string& reason, const Envelope& envelope, SteadyTime now) {
    if (const auto count = store_.countCut(cut, now))
        if (const auto key = policy.blockAfter(cut, *count))
            block(*key, cut.label, now);
    notify(settings, cut, reason, envelope, now);
}

void LoopWatch::block(const StoreKey& key, const std::string& label, SteadyTime now) {
    const auto made = store_.block(key, label, now);
    if (!made || blocks_.get()->has(key, now))
        return;
    const std::string length = formatDuration(made->remaining);
    const std::string name = escapeForDisplay(label);
    auto blocks = std::make_shared<BlockSet>(*blocks_.get());
    blocks->add(*made, now);
    blocks_.set(std::move(blocks));
    log::warning(LogCategory::decision, "put off for {}: {}", length, name);
}

void LoopWatch::refresh(SteadyTime now) {
    if (const auto blocks = store_.blocks(now))
        blocks_.set(std::make_shared<const BlockSet>(*blocks, now));
}

void LoopWatch::notify(const LoopPolicySettings& settings, const Cut& cut,
                       const std::string& reason, const Envelope& envelope, SteadyTime now) {
    // Without the store nobody knows who has told it already; one notice too many is no loop.
    const bool mine = store_.claimNotice(cut.loop, now).value_or(true);
    if (!mine)
        return;
    log::warning(LogCategory::decision, "mail loop: {}: {}", escapeForDisplay(cut.label), reason);
    if (!settings.notify || takesPart(*settings.notify, envelope))
        return;
    const NoticeBudget::Answer notice = takeNotice(now);
    if (notice == NoticeBudget::Answer::none)
        return;
    notifier_.send({*settings.notify, settings.notifyRelay, "Mail loop found",
                    fmt::format("sluice has stopped a mail loop.\n\n"
                                "  {}\n  {}\n\n"
                                "Further messages of this loop are dealt with in the same way, and "
                                "there is no other notice about it within an hour. The log names "
                                "each of them (\"loop: \").\n{}",
                                escapeForDisplay(cut.label), reason,
                                notice == NoticeBudget::Answer::sendAsLast ? lastNotice : "")});
}

NoticeBudget::Answer LoopWatch::takeNotice(SteadyTime now) {
    const std::lock_guard guard(budgetMutex_);
    return budget_.take(now);
}

} // namespace sluice
