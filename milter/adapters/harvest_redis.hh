// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/client_shares.hh"
#include "milter/adapters/redis_client.hh"
#include "milter/policy/ports.hh"
#include "milter/policy/store_key.hh"

#include <chrono>
#include <cstddef>
#include <memory>

namespace sluice {

/// How much of Redis the clients of one node may fill in a window. An IPv6 client has many networks
/// to come from, and each of them takes a key: here it is its /48, which is what a site gets.
struct HarvestShares {
    double ofClient = 10'000;
    double ofAll = 200'000;
    std::size_t clients = 65'536;
};

/// Counts in Redis, for all nodes that share it: one round trip. Each count goes to `own` as well,
/// which answers alone while Redis is unavailable, or a share of it is used up; so a node never
/// knows of fewer than it has counted itself.
std::shared_ptr<HarvestCounter> makeRedisHarvestCounter(std::shared_ptr<RedisClient> client,
                                                        const KeyHasher& hasher,
                                                        std::chrono::milliseconds window,
                                                        std::shared_ptr<HarvestCounter> own,
                                                        const HarvestShares& shares = {});

} // namespace sluice
