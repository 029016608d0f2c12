// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/adapters/redis_settings.hh"
#include "milter/policy/time_point.hh"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

/// Where in Redis a key is kept.
namespace sluice {

constexpr std::size_t redisSlots = 16384;

/// The slot of a key (Redis Cluster specification): CRC-16/XMODEM of it, or of what stands in its
/// first `{…}`.
std::size_t redisSlot(std::string_view key);

/// Who answers for which key.
struct RedisMap {
    std::vector<RedisEndpoint> nodes;      ///< at least one
    std::vector<std::uint16_t> nodeOfSlot; ///< of all redisSlots; empty: one node has all

    [[nodiscard]] std::size_t nodeOf(std::string_view key) const {
        return nodeOfSlot.empty() ? 0 : nodeOfSlot[redisSlot(key)];
    }
    friend bool operator==(const RedisMap&, const RedisMap&) = default;
};

/// Finds out who is in charge: looks up the name, asks the sentinels (and the master, whether it
/// thinks so too), or a node of the cluster. `known` are nodes of an earlier map, asked too. May
/// wait for names and servers, for half a second each: not for a callback. Error: nobody knows.
Result<RedisMap> discoverRedis(const RedisSettings& settings,
                               const std::vector<RedisEndpoint>& known);

/// Where a redirection `MOVED 3999 127.0.0.1:6381` or `ASK …` points; `asked` is who said so, in
/// case it leaves its own host out. Error: another text.
Result<RedisEndpoint> redirectionOf(std::string_view error, const RedisEndpoint& asked);

} // namespace sluice
