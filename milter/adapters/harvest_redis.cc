// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/harvest_redis.hh"

#include "common/locked.hh"
#include "milter/adapters/harvest_memory.hh"
#include "milter/adapters/redis_records.hh"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <limits>
#include <optional>
#include <string>
#include <utility>

namespace sluice {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ClientShares::Limits limitsOf(const HarvestShares& shares, milliseconds window) {
    return {.ofClient = shares.ofClient,
            .ofAll = shares.ofAll,
            .period = std::max(seconds(1), std::chrono::ceil<seconds>(window)),
            .clients = shares.clients};
}

class RedisHarvestCounter : public HarvestCounter {
public:
    RedisHarvestCounter(std::shared_ptr<RedisClient> client, const KeyHasher& hasher,
                        milliseconds window, std::shared_ptr<HarvestCounter> own,
                        const HarvestShares& shares)
        : client_(std::move(client)),
          hasher_(hasher),
          window_(std::to_string(window.count())),
          own_(std::move(own)),
          shares_(limitsOf(shares, window)) {}

    std::uint32_t countUnknown(const IpAddress& client, SteadyTime now) noexcept override {
        const std::uint32_t own = own_->countUnknown(client, now);
        try {
            return withinShare(client, now) ? std::max(own, countShared(client).value_or(0)) : own;
        } catch (const std::exception&) {
            return own; // no memory
        }
    }

private:
    bool withinShare(const IpAddress& client, SteadyTime now) {
        constexpr int oneSite = 48; // bits of an IPv6 address (RFC 6177)
        const std::string site = client.family() == IpFamily::v4
                                     ? client.text()
                                     : IpNetwork::around(client, oneSite).text();
        return shares_.lock()->take(hasher_.tag(KeyHasher::Kind::harvest, {site}), now);
    }

    /// Nodes whose windows differ count each for itself: slices of one are none of the other.
    [[nodiscard]] std::string keyOf(const IpAddress& client) const {
        const StoreKey key =
            hasher_.key(KeyHasher::Kind::harvest, {harvestNetwork(client).text(), window_});
        return client_->settings().prefix + "h:" + redis::hexadecimal(key);
    }

    /// Nothing: unavailable.
    std::optional<std::uint32_t> countShared(const IpAddress& client) {
        const RedisCommand command{&RedisScripts::get().countUnknown, {keyOf(client), window_}};
        const auto replies =
            client_->run({command}, std::chrono::steady_clock::now() + client_->settings().timeout);
        if (!replies)
            return std::nullopt;
        const auto count = replies->front().value().integer();
        if (!count || *count < 1) {
            client_->distrust(command.key());
            return std::nullopt;
        }
        return static_cast<std::uint32_t>(
            std::min<std::int64_t>(*count, std::numeric_limits<std::uint32_t>::max()));
    }

    const std::shared_ptr<RedisClient> client_;
    const KeyHasher hasher_;
    const std::string window_; ///< in milliseconds
    const std::shared_ptr<HarvestCounter> own_;
    Locked<ClientShares> shares_;
};

} // namespace

std::shared_ptr<HarvestCounter> makeRedisHarvestCounter(std::shared_ptr<RedisClient> client,
                                                        const KeyHasher& hasher,
                                                        milliseconds window,
                                                        std::shared_ptr<HarvestCounter> own,
                                                        const HarvestShares& shares) {
    return std::make_shared<RedisHarvestCounter>(std::move(client), hasher, window, std::move(own),
                                                 shares);
}

} // namespace sluice
