// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/adapters/control_socket.hh"
#include "milter/adapters/metrics_endpoint.hh"
#include "milter/adapters/metrics_prometheus.hh"
#include "milter/adapters/store_redis.hh"
#include "milter/config.hh"
#include "milter/control_commands.hh"
#include "milter/daemon_status.hh"
#include "milter/dnsbl_service.hh"
#include "milter/lookup_counts.hh"
#include "milter/options.hh"
#include "milter/pool_relief.hh"
#include "milter/runtime_maker.hh"
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
    std::shared_ptr<Store> makeStore();

    const CommandLine commandLine_;
    Config initial_;
    const DaemonSettings settings_;
    Server server_;
    std::shared_ptr<PoolRelief> relief_;
    std::unique_ptr<Tarpit> tarpit_;
    std::unique_ptr<DnsblService> dnsbl_;
    std::shared_ptr<RedisStore> redis_; ///< null: the store is in memory
    std::mutex countsMutex_;            ///< of lookupCounts_
    LookupCounts lookupCounts_;
    std::chrono::steady_clock::time_point lastCounts_; ///< of the housekeeper
    std::unique_ptr<RuntimeMaker> maker_;
    std::shared_ptr<Store> store_;
    std::unique_ptr<SmtpNotifier> notifier_;
    std::unique_ptr<LoopWatch> loops_;
    std::unique_ptr<OperatorLists> operatorLists_;
    SessionServices services_;
    std::unique_ptr<ListeningSocket> controlListener_;
    std::unique_ptr<DaemonStatus> status_;
    std::unique_ptr<ControlCommands> controlCommands_;
    std::unique_ptr<ControlSocket> control_;
    std::unique_ptr<PrometheusMetrics> metrics_;
    std::unique_ptr<MetricsEndpoint> metricsEndpoint_;
    std::mutex house_; ///< of housekeeping and reloads
    std::atomic<bool> stopping_{false};
    std::thread housekeeper_;
};

} // namespace sluice
