// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/adapters/directory_redis.hh"
#include "milter/adapters/store_redis.hh"
#include "milter/config.hh"
#include "milter/dnsbl_service.hh"
#include "milter/ldap_directories.hh"
#include "milter/runtime.hh"

#include <memory>
#include <vector>

namespace sluice {

/// Makes the Runtime of each configuration, with what it takes over from the one in force: open
/// files, connections, and what is counted and known. One thread at a time.
class RuntimeMaker {
public:
    /// `dnsbl` outlives it. `redis`: null when the store is in memory.
    RuntimeMaker(DnsblService& dnsbl, std::shared_ptr<RedisStore> redis)
        : dnsbl_(dnsbl), redis_(std::move(redis)) {}

    /// `current`: the one in force; null at the start. The DNSBL service follows the new one at
    /// once. Error: nothing has changed.
    Result<std::shared_ptr<const Runtime>> make(Config config, const Runtime* current);

private:
    Result<std::shared_ptr<Resolver>> resolver(const Config& config) const;
    void addRedisDirectories(Config& config);
    void countHarvest(Config& config) const;

    DnsblService& dnsbl_;
    const std::shared_ptr<RedisStore> redis_;
    std::shared_ptr<Resolver> resolver_;
    ResolverSettings resolverSettings_; ///< that resolver_ was made from
    std::vector<std::shared_ptr<RedisDirectory>> redisDirectories_; ///< what they know lasts
    LdapDirectories ldapDirectories_;
};

} // namespace sluice
