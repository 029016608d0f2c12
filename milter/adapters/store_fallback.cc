// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/store_fallback.hh"

#include "milter/adapters/book_entries.hh"

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

namespace sluice {
namespace {

/// Messages that were not taken while the shared store was away; few are.
constexpr std::size_t maxPending = 1000;

/// Adds what `more` has under other keys.
template<typename Entry>
void addMissing(std::vector<Entry>& entries, std::vector<Entry> more) {
    const std::size_t known = entries.size();
    for (Entry& each : more)
        if (std::none_of(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(known),
                         [&](const Entry& entry) { return entry.key == each.key; }))
            entries.push_back(std::move(each));
}

/// Both, or the one that there is.
template<typename Entry>
std::optional<std::vector<Entry>> joined(std::optional<std::vector<Entry>> shared,
                                         std::optional<std::vector<Entry>> own) noexcept {
    if (!shared)
        return own;
    try {
        if (own)
            addMissing(*shared, *std::move(own));
    } catch (const std::exception&) {
        return shared; // no memory
    }
    return shared;
}

} // namespace

FallbackStore::FallbackStore(std::shared_ptr<Store> shared, std::shared_ptr<Store> own,
                             const ClientShares::Limits& limits)
    : shared_(std::move(shared)), own_(std::move(own)), shares_(limits) {}

bool FallbackStore::withinShare(std::uint64_t client, SteadyTime now) noexcept {
    try {
        return shares_.lock()->take(client, now);
    } catch (const std::exception&) {
        return false; // no memory
    }
}

std::optional<EndOfMessageAnswer> FallbackStore::endOfMessage(const EndOfMessageQuestion& question,
                                                              SteadyTime now) noexcept {
    withdrawPending(now);
    if (withinShare(question.client, now))
        if (auto answer = shared_->endOfMessage(question, now)) {
            if (ownUsed_ && question.message && !answer->known)
                if (const auto own = own_->findMessages({question.message->key}, now))
                    answer->known = own->front();
            return answer;
        }
    ownUsed_ = true;
    return own_->endOfMessage(question, now);
}

std::optional<std::vector<std::optional<KnownLink>>>
FallbackStore::findMessages(const std::vector<StoreKey>& messages, SteadyTime now) noexcept {
    auto own = own_->findMessages(messages, now);
    auto shared = shared_->findMessages(messages, now);
    if (!shared || !own)
        return shared ? std::move(shared) : std::move(own);
    for (std::size_t i = 0; i < shared->size() && i < own->size(); ++i)
        if (!(*shared)[i])
            (*shared)[i] = (*own)[i];
    return shared;
}

/// Where it was counted, nobody remembers; the other one knows nothing of it. The shared store may
/// have counted what it could not answer any more: then the honest retry of a message that was not
/// taken would be a copy, so it hears of it as soon as it is back.
bool FallbackStore::withdrawCopy(const StoreKey& copy, SteadyTime now) noexcept {
    const bool own = own_->withdrawCopy(copy, now);
    if (shared_->withdrawCopy(copy, now))
        return true;
    try {
        auto pending = pending_.lock();
        if (pending->size() < maxPending)
            pending->push_back(copy);
        hasPending_ = true;
    } catch (const std::exception&) {
        return own; // no memory
    }
    return own;
}

void FallbackStore::withdrawPending(SteadyTime now) noexcept {
    if (!hasPending_)
        return;
    auto pending = pending_.lock();
    while (!pending->empty() && shared_->withdrawCopy(pending->back(), now))
        pending->pop_back();
    hasPending_ = !pending->empty();
}

bool FallbackStore::noteLostAcknowledgement(const StoreKey& copy, SteadyTime now) noexcept {
    const bool own = own_->noteLostAcknowledgement(copy, now);
    return shared_->noteLostAcknowledgement(copy, now) || own;
}

std::optional<bool> FallbackStore::claimNotice(const StoreKey& loop, SteadyTime now) noexcept {
    const auto own = own_->claimNotice(loop, now);
    const auto shared = shared_->claimNotice(loop, now);
    // who has told it in the hour before the shared store went away need not do so again
    if (!shared)
        return own;
    return *shared && own.value_or(true);
}

std::optional<CutCount> FallbackStore::countCut(const Cut& cut, SteadyTime now) noexcept {
    auto shared = shared_->countCut(cut, now);
    return shared ? shared : own_->countCut(cut, now);
}

std::optional<Block> FallbackStore::block(const StoreKey& key, const std::string& label,
                                          SteadyTime now) noexcept {
    auto shared = shared_->block(key, label, now);
    return shared ? std::move(shared) : own_->block(key, label, now);
}

std::optional<std::vector<Block>> FallbackStore::blocks(SteadyTime now) noexcept {
    auto own = own_->blocks(now);
    return joined(shared_->blocks(now), std::move(own));
}

bool FallbackStore::countBounce(const StoreKey& member, const std::string& label,
                                SteadyTime now) noexcept {
    return shared_->countBounce(member, label, now) || own_->countBounce(member, label, now);
}

std::optional<std::vector<StoreEntry>> FallbackStore::list(Book book, SteadyTime now) noexcept {
    auto own = own_->list(book, now);
    auto entries = joined(shared_->list(book, now), std::move(own));
    if (entries)
        sortAndBound(*entries);
    return entries;
}

std::optional<std::size_t> FallbackStore::clear(Book book, const std::optional<StoreKey>& key,
                                                SteadyTime now) noexcept {
    const auto shared = shared_->clear(book, key, now);
    const auto own = own_->clear(book, key, now);
    // what others still count would come back
    return shared ? std::optional(std::max(*shared, own.value_or(0))) : std::nullopt;
}

} // namespace sluice
