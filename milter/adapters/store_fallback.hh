// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/locked.hh"
#include "milter/adapters/client_shares.hh"
#include "milter/policy/store.hh"

#include <atomic>
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
    std::optional<std::vector<StoreEntry>> list(Book book, SteadyTime now) noexcept override;
    std::optional<std::size_t> clear(Book book, const std::optional<StoreKey>& key,
                                     SteadyTime now) noexcept override;

private:
    bool withinShare(std::uint64_t client, SteadyTime now) noexcept;
    void withdrawPending(SteadyTime now) noexcept;

    std::shared_ptr<Store> shared_;
    std::shared_ptr<Store> own_;
    Locked<ClientShares> shares_;
    std::atomic<bool> ownUsed_{false};
    std::atomic<bool> hasPending_{false};
    Locked<std::vector<StoreKey>> pending_; ///< copies to withdraw from the shared store
};

} // namespace sluice
