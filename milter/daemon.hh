// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/adapters/control_socket.hh"
#include "milter/adapters/directory_redis.hh"
#include "milter/adapters/metrics_endpoint.hh"
#include "milter/adapters/metrics_prometheus.hh"
#include "milter/adapters/store_redis.hh"
#include "milter/config.hh"
#include "milter/control_commands.hh"
#include "milter/dnsbl_service.hh"
#include "milter/ldap_directories.hh"
#include "milter/lookup_counts.hh"
#include "milter/options.hh"
#include "milter/pool_relief.hh"
#include "milter/server.hh"
#include "milter/session.hh"
#include "milter/watchdog.hh"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sluice {

/// The composition root: builds the services that live as long as the process and the first
/// Runtime, serves, reloads, and stops in order.
class Daemon {
public:
    /// `config` is what `commandLine` leads to; a reload reads it again.
    Daemon(CommandLine commandLine, Config config);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    /// Returns only when the start failed, with the exit status; the reason is in the log. Else
    /// serves until it is told to stop, and ends the process.
    int run();

private:
    Result<void> start();
    [[noreturn]] void stop(bool orderly);

    /// Makes the configuration the one in force. Error: nothing has changed.
    Result<void> adopt(Config config);
    Result<std::shared_ptr<BadmailStore>> badmailStore(const Config& config) const;
    Result<std::shared_ptr<TrackingLog>> trackingLog(const Config& config) const;
    Result<std::shared_ptr<Resolver>> resolver(const Config& config) const;
    void carryOver(Config& config) const;
    void addRedisDirectories(Config& config);
    void countHarvest(Config& config) const;

    /// In a thread of its own: reloads, and what is due now and then.
    void keepHouse();
    void keepHouseOnce(std::chrono::steady_clock::time_point& lastExpiry);
    /// What the DNSBLs have answered since the last time, for the tracking log.
    void trackCounts(const Runtime& runtime);
    [[nodiscard]] Watchdog watchdog() const;
    /// What was wrong; nothing: the new configuration is in force. One thread at a time.
    std::vector<std::string> reload();
    std::vector<std::string> reloadAll();

    Result<void> openControl();
    void startControl();
    Result<void> openMetrics();
    [[nodiscard]] nlohmann::json status() const;

    std::shared_ptr<Store> makeStore();
    [[nodiscard]] nlohmann::json storeStatus() const;

    const CommandLine commandLine_;
    Config initial_;
    const DaemonSettings settings_;
    Server server_;
    std::shared_ptr<PoolRelief> relief_;
    std::unique_ptr<Tarpit> tarpit_;
    std::unique_ptr<DnsblService> dnsbl_;
    std::shared_ptr<Resolver> resolver_;
    std::shared_ptr<RedisStore> redis_; ///< null: the store is in memory
    std::vector<std::shared_ptr<RedisDirectory>> redisDirectories_; ///< what they know lasts
    std::mutex countsMutex_;                                        ///< of lookupCounts_
    LookupCounts lookupCounts_;
    std::chrono::steady_clock::time_point lastCounts_; ///< of the housekeeper
    LdapDirectories ldapDirectories_;
    std::shared_ptr<Store> store_;
    std::unique_ptr<SmtpNotifier> notifier_;
    std::unique_ptr<LoopWatch> loops_;
    std::unique_ptr<OperatorLists> operatorLists_;
    ResolverSettings resolverSettings_; ///< that resolver_ was made from
    SessionServices services_;
    std::unique_ptr<ListeningSocket> controlListener_;
    std::unique_ptr<ControlCommands> controlCommands_;
    std::unique_ptr<ControlSocket> control_;
    std::unique_ptr<PrometheusMetrics> metrics_;
    std::unique_ptr<MetricsEndpoint> metricsEndpoint_;
    const std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
    std::mutex house_; ///< of housekeeping and reloads
    std::atomic<bool> stopping_{false};
    std::thread housekeeper_;
};

} // namespace sluice
