// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/ip_network.hh"
#include "common/mail_address.hh"
#include "milter/policy/store.hh"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

/// "Refuse mail from that host until it is mended": who is put off after cuts, and who is now.
namespace sluice {

enum class LoopBlockMode : std::uint8_t { pair, client, off };

/// Cuts of one pair in an hour that block it (`loop-block pair` and `client`).
constexpr std::uint32_t cutsBeforeBlock = 50;
/// Different loops of one client in an hour that block it (`loop-block client`).
constexpr std::uint32_t loopsBeforeClientBlock = 3;

/// The network of a client, as octets: a /24 of IPv4, a /64 of IPv6; none for none.
std::string clientNetwork(const std::optional<IpAddress>& client);

/// Sender and recipient in this direction from this client network, so that nobody who borrows a
/// sender's name can have the sender blocked.
StoreKey loopKey(const KeyHasher& hasher, const MailAddress& sender, const MailAddress& recipient,
                 const std::optional<IpAddress>& client);
/// Of clientNetwork().
StoreKey clientKey(const KeyHasher& hasher, const std::optional<IpAddress>& client);

/// A cut message for Store::countCut(); of several recipients the first in order stands for all.
Cut cutOf(const KeyHasher& hasher, const MailAddress& sender,
          const std::vector<MailAddress>& recipients, const std::optional<IpAddress>& client);

/// What Store::block() is to be called for after a cut, if anything: its loop or its client.
std::optional<StoreKey> toBlock(LoopBlockMode mode, const Cut& cut, const CutCount& count);

/// The blocks in force as a node holds them in memory, so that RCPT asks no store: rebuilt from
/// Store::blocks() now and then, and whenever this node blocks. Immutable once it is shared.
class BlockSet {
public:
    BlockSet() = default;
    BlockSet(const std::vector<Block>& blocks, SteadyTime now);

    void add(const Block& block, SteadyTime now);
    [[nodiscard]] bool empty() const { return until_.empty(); }
    /// RCPT of a blocked pair or client gets 450 4.7.1.
    [[nodiscard]] bool has(const StoreKey& key, SteadyTime now) const;

private:
    struct Hash {
        std::size_t operator()(const StoreKey& key) const {
            return static_cast<std::size_t>(key.low);
        }
    };
    std::unordered_map<StoreKey, SteadyTime, Hash> until_;
};

} // namespace sluice
