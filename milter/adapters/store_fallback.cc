// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/store_fallback.hh"

#include "common/log.hh"
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
        if (shares_.lock()->take(client, now))
            return true;
        const auto minute =
            std::chrono::duration_cast<std::chrono::minutes>(now.time_since_epoch());
        if (lastTold_.exchange(minute.count()) != minute.count())
            log::warning(LogCategory::store, "a client has used up its share of the shared store: "
                                             "this node counts its mail for itself");
        return false;
    } catch (const std::exception&) {
        return false; // no memory
    }
}

std::optional<EndOfMessageAnswer> FallbackStore::endOfMessage(const EndOfMessageQuestion& question,
                                                              SteadyTime now) noexcept {
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

/// From blocks(), which the housekeeper asks for each second: no message waits for it.
void FallbackStore::withdrawPending(SteadyTime now) noexcept {
    if (!hasPending_.exchange(false))
        return;
    std::vector<StoreKey> copies;
    copies.swap(*pending_.lock());
    while (!copies.empty() && shared_->withdrawCopy(copies.back(), now))
        copies.pop_back();
    if (copies.empty())
        return;
    auto pending = pending_.lock();
    copies.resize(std::min(copies.size(), maxPending - std::min(maxPending, pending->size())));
    try {
        pending->insert(pending->end(), copies.begin(), copies.end());
        hasPending_ = true;
    } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): no memory to wait in
    }
}

bool FallbackStore::noteLostAcknowledgement(const StoreKey& copy, SteadyTime now) noexcept {
    const bool own = own_->noteLostAcknowledgement(copy, now);
    return shared_->noteLostAcknowledgement(copy, now) || own;
}

std::optional<bool> FallbackStore::claimNotice(const StoreKey& loop, SteadyTime now) noexcept {
    const auto shared = shared_->claimNotice(loop, now);
    return shared ? shared : own_->claimNotice(loop, now);
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

template<typename Entry>
std::optional<std::vector<Entry>> FallbackStore::kept(LastKnown<Entry>& last,
                                                      std::optional<std::vector<Entry>> shared,
                                                      SteadyTime now) {
    if (shared) {
        last = {*shared, now};
        return shared;
    }
    if (last.read == SteadyTime())
        return std::nullopt;
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - last.read);
    std::vector<Entry> left;
    for (Entry entry : last.entries)
        if (entry.remaining > age) {
            entry.remaining -= age;
            left.push_back(std::move(entry));
        }
    return left;
}

std::optional<std::vector<Block>> FallbackStore::blocks(SteadyTime now) noexcept {
    withdrawPending(now);
    auto own = own_->blocks(now);
    auto shared = shared_->blocks(now);
    try {
        shared = kept(*lastBlocks_.lock(), std::move(shared), now);
    } catch (const std::exception&) { // no memory
        return std::nullopt;
    }
    return joined(std::move(shared), std::move(own));
}

bool FallbackStore::countBounce(const StoreKey& member, const std::string& label,
                                SteadyTime now) noexcept {
    return shared_->countBounce(member, label, now) || own_->countBounce(member, label, now);
}

std::optional<bool> FallbackStore::addEntry(Book book, const StoreKey& key,
                                            const std::string& label, std::chrono::seconds lifetime,
                                            SteadyTime now) noexcept {
    return shared_->addEntry(book, key, label, lifetime, now);
}

std::optional<std::vector<StoreEntry>> FallbackStore::list(Book book, SteadyTime now) noexcept {
    auto own = own_->list(book, now);
    auto shared = shared_->list(book, now);
    if (book == Book::allowed || book == Book::denied) {
        try {
            return kept((*lastLists_.lock())[book], std::move(shared), now);
        } catch (const std::exception&) { // no memory
            return std::nullopt;
        }
    }
    auto entries = joined(std::move(shared), std::move(own));
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
