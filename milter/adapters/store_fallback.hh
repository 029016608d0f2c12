// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/locked.hh"
#include "milter/adapters/client_shares.hh"
#include "milter/policy/store.hh"

#include <atomic>
#include <map>
#include <memory>
#include <vector>

namespace sluice {

/// A shared store, and one of this node's own for what the shared one cannot take: while it is
/// unavailable, or a client has used up its share of it. So nothing is refused or goes uncounted,
/// and a flood fills only its own node's memory. Messages, blocks and entries that the own store
/// knows are known beside those of the shared one.
class FallbackStore : public Store {
public:
    FallbackStore(std::shared_ptr<Store> shared, std::shared_ptr<Store> own,
                  const ClientShares::Limits& limits = {});

    std::optional<EndOfMessageAnswer> endOfMessage(const EndOfMessageQuestion& question,
                                                   SteadyTime now) noexcept override;
    std::optional<std::vector<std::optional<KnownLink>>>
    findMessages(const std::vector<StoreKey>& messages, SteadyTime now) noexcept override;
    bool withdrawCopy(const StoreKey& copy, SteadyTime now) noexcept override;
    bool noteLostAcknowledgement(const StoreKey& copy, SteadyTime now) noexcept override;
    std::optional<bool> claimNotice(const StoreKey& loop, SteadyTime now) noexcept override;
    std::optional<CutCount> countCut(const Cut& cut, SteadyTime now) noexcept override;
    std::optional<Block> block(const StoreKey& key, const std::string& label,
                               SteadyTime now) noexcept override;
    std::optional<std::vector<Block>> blocks(SteadyTime now) noexcept override;
    bool countBounce(const StoreKey& member, const std::string& label,
                     SteadyTime now) noexcept override;
    std::optional<bool> addEntry(Book book, const StoreKey& key, const std::string& label,
                                 std::chrono::seconds lifetime, SteadyTime now) noexcept override;
    std::optional<std::vector<StoreEntry>> list(Book book, SteadyTime now) noexcept override;
    std::optional<std::size_t> clear(Book book, const std::optional<StoreKey>& key,
                                     SteadyTime now) noexcept override;

private:
    bool withinShare(std::uint64_t client, SteadyTime now) noexcept;
    void withdrawPending(SteadyTime now) noexcept;
    /// What the shared store said last, as of now: who is put off, let in or shut out stays so
    /// while it is away.
    template<typename Entry>
    struct LastKnown {
        std::vector<Entry> entries;
        SteadyTime read;
    };
    template<typename Entry>
    static std::optional<std::vector<Entry>>
    kept(LastKnown<Entry>& last, std::optional<std::vector<Entry>> shared, SteadyTime now);

    std::shared_ptr<Store> shared_;
    std::shared_ptr<Store> own_;
    Locked<ClientShares> shares_;
    std::atomic<std::int64_t> lastTold_{-1}; ///< minute of the last line about a share
    std::atomic<bool> ownUsed_{false};
    std::atomic<bool> hasPending_{false};
    Locked<LastKnown<Block>> lastBlocks_;
    Locked<std::map<Book, LastKnown<StoreEntry>>> lastLists_;
    Locked<std::vector<StoreKey>> pending_; ///< copies to withdraw from the shared store
};

} // namespace sluice
