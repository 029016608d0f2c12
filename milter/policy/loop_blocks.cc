// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/loop_blocks.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace sluice {
namespace {

std::string shown(const MailAddress& address) {
    return fmt::format("<{}>", address.text());
}

} // namespace

std::string clientNetwork(const std::optional<IpAddress>& client) {
    constexpr std::ptrdiff_t networkV4 = 3; // a /24
    constexpr std::ptrdiff_t networkV6 = 8; // a /64: one subscriber (RFC 6177)
    if (!client)
        return {};
    const auto& octets = client->octets();
    return {octets.begin(),
            octets.begin() + (client->family() == IpFamily::v4 ? networkV4 : networkV6)};
}

StoreKey loopKey(const KeyHasher& hasher, const MailAddress& sender, const MailAddress& recipient,
                 const std::optional<IpAddress>& client) {
    return hasher.key(KeyHasher::Kind::loop,
                      {sender.key(), recipient.key(), clientNetwork(client)});
}

StoreKey clientKey(const KeyHasher& hasher, const std::optional<IpAddress>& client) {
    return hasher.key(KeyHasher::Kind::client, {clientNetwork(client)});
}

Cut cutOf(const KeyHasher& hasher, const MailAddress& sender,
          const std::vector<MailAddress>& recipients, const std::optional<IpAddress>& client) {
    const auto first = std::min_element(
        recipients.begin(), recipients.end(),
        [](const MailAddress& a, const MailAddress& b) { return a.key() < b.key(); });
    const MailAddress recipient = first == recipients.end() ? MailAddress() : *first;
    return {loopKey(hasher, sender, recipient, client), clientKey(hasher, client),
            fmt::format("{} to {} from {}", shown(sender), shown(recipient),
                        client ? client->text() : "local")};
}

std::optional<StoreKey> toBlock(LoopBlockMode mode, const Cut& cut, const CutCount& count) {
    switch (mode) {
    case LoopBlockMode::pair:
        if (count.ofLoop >= cutsBeforeBlock)
            return cut.loop;
        return std::nullopt;
    case LoopBlockMode::client:
        if (count.loopsOfClient >= loopsBeforeClientBlock)
            return cut.client;
        if (count.ofLoop >= cutsBeforeBlock)
            return cut.loop;
        return std::nullopt;
    case LoopBlockMode::off:
        return std::nullopt;
    }
    return std::nullopt;
}

BlockSet::BlockSet(const std::vector<Block>& blocks, SteadyTime now) {
    for (const Block& block : blocks)
        add(block, now);
}

void BlockSet::add(const Block& block, SteadyTime now) {
    until_[block.key] = now + block.remaining;
}

bool BlockSet::has(const StoreKey& key, SteadyTime now) const {
    const auto found = until_.find(key);
    return found != until_.end() && now < found->second;
}

} // namespace sluice
