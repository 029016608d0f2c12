// SPDX-License-Identifier: BSD-2-Clause
#include "milter/runtime_maker.hh"

#include "milter/adapters/harvest_memory.hh"
#include "milter/adapters/harvest_redis.hh"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

Result<std::shared_ptr<BadmailStore>> badmailStore(const Config& config, const Runtime* current) {
    if (!config.badmail || config.policy->sender.action != SenderAction::badmail)
        return std::shared_ptr<BadmailStore>();
    if (current != nullptr && current->badmail && current->config.badmail == config.badmail)
        return current->badmail->reopen().map([&] { return current->badmail; });
    return BadmailStore::open(*config.badmail);
}

/// Opened anew at each reload: the file may have been moved away.
Result<std::shared_ptr<TrackingLog>> trackingLog(const Config& config, const Runtime* current) {
    if (!config.tracking)
        return std::shared_ptr<TrackingLog>();
    if (current == nullptr || !current->tracking || current->config.tracking != config.tracking)
        return TrackingLog::open(*config.tracking);
    current->tracking->reopen();
    return current->tracking;
}

/// A directory goes on with what it knows: connections that began before a reload ask it still, and
/// only one that is looked after sees changes.
void keepDirectories(const Config& old, Config& config) {
    for (auto& directory : config.fileDirectories)
        for (const auto& known : old.fileDirectories)
            if (known->path() == directory->path())
                directory = known;
    auto& asked = config.policy->recipient.directories;
    asked.assign(config.fileDirectories.begin(), config.fileDirectories.end());
}

void carryOver(const Runtime* current, Config& config) {
    if (current != nullptr && !current->config.hasKeyFile && !config.hasKeyFile)
        config.policy->keyring = current->config.policy->keyring;
    if (current != nullptr && current->config.harvestWindow == config.harvestWindow)
        config.ownHarvest = current->config.ownHarvest;
    else
        config.ownHarvest = makeMemoryHarvestCounter(config.harvestWindow);
    if (current != nullptr)
        keepDirectories(current->config, config);
}

} // namespace

Result<std::shared_ptr<Resolver>> RuntimeMaker::resolver(const Config& config) const {
    if (config.policy->connection.dnsbl->empty() ||
        (resolver_ && resolver_->usable() && resolverSettings_ == config.resolver))
        return resolver_;
    return makeUnboundResolver(config.resolver);
}

/// Behind carryOver(), which may bring the keys and this node's own count.
void RuntimeMaker::countHarvest(Config& config) const {
    PolicySettings& policy = *config.policy;
    policy.recipient.harvest = config.ownHarvest;
    if (redis_)
        policy.recipient.harvest = makeRedisHarvestCounter(
            std::shared_ptr<RedisClient>(redis_, &redis_->client()),
            KeyHasher(storeSecret(*policy.keyring)), config.harvestWindow, config.ownHarvest);
}

/// Behind those of files. Without a Redis there are none, see makeConfig().
void RuntimeMaker::addRedisDirectories(Config& config) {
    for (const std::string& key : config.redisDirectories) {
        if (!redis_)
            return;
        auto known = std::find_if(redisDirectories_.begin(), redisDirectories_.end(),
                                  [&](const auto& directory) { return directory->key() == key; });
        if (known == redisDirectories_.end())
            known = redisDirectories_.insert(
                known, std::make_shared<RedisDirectory>(
                           std::shared_ptr<RedisClient>(redis_, &redis_->client()), key));
        (*known)->setMemory(config.directoryCache);
        config.policy->recipient.directories.push_back(*known);
    }
}

Result<std::shared_ptr<const Runtime>> RuntimeMaker::make(Config config, const Runtime* current) {
    auto badmail = badmailStore(config, current);
    if (!badmail)
        return tl::unexpected(badmail.error());
    auto newResolver = resolver(config);
    if (!newResolver)
        return tl::unexpected(newResolver.error());
    auto tracking = trackingLog(config, current);
    if (!tracking)
        return tl::unexpected(tracking.error());
    carryOver(current, config);
    addRedisDirectories(config);
    countHarvest(config);
    ldapDirectories_.addTo(config);
    auto runtime = std::make_shared<const Runtime>(std::move(config), std::move(*badmail),
                                                   std::move(*tracking));
    dnsbl_.configure(*newResolver, runtime->config.policy->connection.dnsbl->zones(),
                     runtime->config.dnsblSelfTest);
    if (resolver_ != *newResolver)
        resolverSettings_ = runtime->config.resolver;
    resolver_ = std::move(*newResolver);
    return runtime;
}

} // namespace sluice
