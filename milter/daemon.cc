// SPDX-License-Identifier: BSD-2-Clause
#include "milter/daemon.hh"

#include "common/log.hh"
#include "common/text.hh"
#include "common/version.hh"
#include "milter/adapters/store_fallback.hh"
#include "milter/adapters/store_memory.hh"
#include "milter/explainer.hh"
#include "milter/metrics_reading.hh"
#include "milter/process.hh"
#include "milter/service_manager.hh"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>

namespace sluice {
namespace {

/// Descriptors that are not connections of the MTA: DNS, log, files.
constexpr std::size_t reservedFiles = 512;
constexpr std::chrono::seconds callbackDeadline{10};
constexpr std::chrono::milliseconds callbackPoll{10};
constexpr std::chrono::hours expiryInterval{1};
constexpr std::chrono::minutes countsInterval{5};
/// Of a reload; --check shows all of them. A table with a million mistakes must not push decisions
/// out of the log.
constexpr std::size_t problemsLogged = 20;
constexpr int controlBacklog = 8;
/// A callback that waits no longer does not hurt others.
constexpr std::chrono::milliseconds shortWait{50};
/// Threads of the worker pool that stand still at once.
constexpr std::size_t tarpitPlaces = 64;
/// For the filter to answer itself, before the watchdog asks again.
constexpr std::chrono::seconds watchdogPatience{2};

std::size_t sessionLimit(std::size_t files) {
    return files > 2 * reservedFiles ? files - reservedFiles : files / 2;
}

/// However a reload ends: the service manager would wait for the end of it.
struct Reloading {
    Reloading() { service_manager::reloading(); }
    ~Reloading() { service_manager::ready(); }
    Reloading(const Reloading&) = delete;
    Reloading& operator=(const Reloading&) = delete;
};

/// Of what the store shows its operator: by the keys that the nodes of a site share.
TextSeal labelSeal(const Keyring& keyring) {
    std::vector<Digest> keys;
    for (const Key& key : keyring.keys())
        if (keys.size() < Keyring::acceptedKeys)
            keys.push_back(key.mac("store labels"));
    return TextSeal(std::move(keys));
}

} // namespace

Daemon::Daemon(CommandLine commandLine, Config config)
    : commandLine_(std::move(commandLine)),
      initial_(std::move(config)),
      settings_(initial_.daemon),
      server_(settings_) {}

Daemon::~Daemon() {
    stopping_ = true;
    if (housekeeper_.joinable())
        housekeeper_.join();
}

int Daemon::run() {
    log::setLevels(initial_.logLevels);
    log::start(settings_.logTarget, "sluice-milter");
    if (const auto started = start(); !started) {
        log::error(LogCategory::daemon, "cannot start: {}", started.error().message);
        log::stop();
        if (settings_.logTarget != LogTarget::stderrStream)
            fmt::print(stderr, "sluice-milter: cannot start: {}\n", started.error().message);
        return EXIT_FAILURE;
    }
    service_manager::ready();
    log::info(LogCategory::daemon, "ready: listening on {}, mode {}",
              escapeForDisplay(settings_.socket.text()),
              services_.runtime.get()->config.observe ? "observe" : "enforce");
    stop(server_.run());
}

Result<void> Daemon::start() {
    services_.openSessions.setLimit(sessionLimit(process::raiseFileLimit()));
    if (auto bound = server_.bind(); !bound)
        return bound;
    if (auto opened = openControl(); !opened)
        return opened;
    if (auto opened = openMetrics(); !opened)
        return opened;
    if (const auto written =
            settings_.pidFile.empty() ? Result<void>() : process::writePidFile(settings_.pidFile);
        !written)
        return fail(fmt::format("cannot write the pid file {}: {}",
                                escapeForDisplay(settings_.pidFile), written.error().message));
    if (!settings_.user.empty()) {
        if (auto became = process::becomeUser(settings_.user); !became)
            return became;
    } else if (::geteuid() == 0) {
        log::warning(LogCategory::daemon, "running as root: set the option user");
    }
    relief_ = std::make_shared<PoolRelief>([this] { server_.touch(); });
    dnsbl_ = std::make_unique<DnsblService>(relief_);
    tarpit_ = std::make_unique<Tarpit>(tarpitPlaces, relief_.get());
    services_.blocked = relief_.get();
    services_.tarpit = tarpit_.get();
    services_.dnsbl = dnsbl_.get();
    store_ = makeStore();
    maker_ = std::make_unique<RuntimeMaker>(*dnsbl_, redis_);
    notifier_ = std::make_unique<SmtpNotifier>();
    loops_ = std::make_unique<LoopWatch>(*store_, *notifier_);
    services_.store = store_.get();
    services_.loops = loops_.get();
    operatorLists_ = std::make_unique<OperatorLists>(*store_);
    services_.operatorLists = operatorLists_.get();
    if (auto adopted = adopt(std::move(initial_)); !adopted)
        return adopted;
    // who is put off or shut out is so from the first connection on
    const auto now = std::chrono::steady_clock::now();
    loops_->refresh(now);
    operatorLists_->refresh(now);
    if (auto listening = server_.listen(services_); !listening)
        return listening;
    startControl();
    if (metricsEndpoint_)
        metricsEndpoint_->serve([this] { return metrics_->text(); });
    housekeeper_ = std::thread([this] { keepHouse(); });
    return {};
}

std::shared_ptr<Store> Daemon::makeStore() {
    auto own = makeMemoryStore();
    if (!settings_.redis)
        return own;
    redis_ = std::make_shared<RedisStore>(*settings_.redis, labelSeal(*initial_.policy->keyring));
    services_.storeMayWait = settings_.redis->timeout > shortWait;
    return std::make_shared<FallbackStore>(redis_, std::move(own), settings_.storeShare);
}

/// While the filter may still do what root may; nobody is answered yet.
Result<void> Daemon::openControl() {
    if (!settings_.control)
        return {};
    auto listener = ListeningSocket::open(*settings_.control, SocketAccess{});
    if (!listener)
        return tl::unexpected(listener.error());
    if (::listen((*listener)->descriptor(), controlBacklog) != 0)
        return fail("cannot listen on " + escapeForDisplay(settings_.control->text()));
    controlListener_ = std::move(*listener);
    return {};
}

/// Like the control socket. What is counted from the first connection on is there.
Result<void> Daemon::openMetrics() {
    if (!settings_.metrics)
        return {};
    const SocketSpec& where = *settings_.metrics;
    auto endpoint =
        MetricsEndpoint::open({where.host, where.port, where.kind == SocketSpec::Kind::inet6});
    if (!endpoint)
        return fail(fmt::format("metrics: cannot listen on {}: {}", escapeForDisplay(where.text()),
                                endpoint.error().message));
    metricsEndpoint_ = std::move(*endpoint);
    metrics_ = std::make_unique<PrometheusMetrics>(version, [this] {
        return readMetrics(services_, redis_ ? std::optional(redis_->status()) : std::nullopt);
    });
    services_.metrics = metrics_.get();
    return {};
}

void Daemon::startControl() {
    if (!controlListener_)
        return;
    ControlCommands::Actions actions;
    status_ =
        std::make_unique<DaemonStatus>(settings_, commandLine_.configFile, services_, redis_.get());
    actions.status = [this] { return status_->read(); };
    actions.reload = [this] {
        const std::lock_guard guard(house_);
        return reload();
    };
    actions.explain = [this](const control::Request& request) {
        return Explainer(services_).explain(request);
    };
    controlCommands_ =
        std::make_unique<ControlCommands>(*store_, *loops_, *operatorLists_, std::move(actions));
    control_ = std::make_unique<ControlSocket>(
        controlListener_->descriptor(),
        [this](const control::Request& request) { return controlCommands_->carryOut(request); });
}

void Daemon::stop(bool orderly) {
    service_manager::stopping();
    if (tarpit_)
        tarpit_->drain();
    stopping_ = true; // nobody is answered any more, which is no fault now
    if (!orderly)
        log::error(LogCategory::daemon,
                   "libmilter gives up: it cannot start a thread, or cannot take connections");
    const auto deadline = std::chrono::steady_clock::now() + callbackDeadline;
    while (services_.callbacksRunning.load() != 0 && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(callbackPoll);
    server_.close();
    controlListener_.reset(); // its thread ends with the process
    if (!settings_.pidFile.empty())
        ::unlink(settings_.pidFile.c_str());
    if (const auto runtime = services_.runtime.get(); runtime && runtime->tracking) {
        try {
            trackCounts(*runtime);
        } catch (const std::exception& error) { // no memory: the other records still count
            log::failure(LogCategory::daemon, "counts", error);
        }
        runtime->tracking->finish();
    }
    log::info(LogCategory::daemon, "stopped: {} connections were open",
              services_.openSessions.count());
    log::stop();
    process::exitNow(orderly ? EXIT_SUCCESS : EXIT_FAILURE);
}

Result<void> Daemon::adopt(Config config) {
    auto runtime = maker_->make(std::move(config), services_.runtime.get().get());
    if (!runtime)
        return tl::unexpected(runtime.error());
    const Config& adopted = (*runtime)->config;
    log::setLevels(adopted.logLevels);
    if (redis_)
        redis_->setSeal(labelSeal(*adopted.policy->keyring));
    services_.runtime.set(std::move(*runtime));
    return {};
}

void Daemon::keepHouse() {
    auto lastExpiry = std::chrono::steady_clock::time_point();
    Watchdog dog = watchdog();
    while (!stopping_) {
        const bool reloadWanted = process::waitForReloadSignal();
        const std::lock_guard guard(house_);
        try {
            if (reloadWanted)
                reload();
            keepHouseOnce(lastExpiry);
            dog.look(std::chrono::steady_clock::now());
        } catch (const std::exception& error) { // no memory: mail goes on with what there is
            log::failure(LogCategory::daemon, "housekeeping", error);
        }
    }
}

void Daemon::trackCounts(const Runtime& runtime) {
    TrackingRecord record;
    record.event = TrackingEvent::counts;
    {
        const std::lock_guard guard(countsMutex_);
        record.zones = lookupCounts_.since(dnsbl_->status());
    }
    if (runtime.tracking && !record.zones.empty())
        runtime.tracking->write(std::move(record));
}

/// Looked after by the thread that reloads: one that hangs there is noticed as well.
Watchdog Daemon::watchdog() const {
    return {service_manager::watchdogTime(), [this] { return server_.answers(watchdogPatience); },
            [] { service_manager::alive(); }};
}

void Daemon::keepHouseOnce(std::chrono::steady_clock::time_point& lastExpiry) {
    const auto runtime = services_.runtime.get();
    for (const auto& directory : runtime->config.fileDirectories)
        directory->refresh();
    const auto now = std::chrono::steady_clock::now();
    loops_->refresh(now);
    operatorLists_->refresh(now);
    if (now - lastCounts_ >= countsInterval) {
        lastCounts_ = now;
        trackCounts(*runtime);
    }
    if (now - lastExpiry < expiryInterval) {
        if (runtime->badmail)
            runtime->badmail->refresh();
        return;
    }
    lastExpiry = now;
    if (runtime->badmail)
        runtime->badmail->expire();
    if (runtime->tracking)
        runtime->tracking->expire();
}

std::vector<std::string> Daemon::reload() {
    const Reloading told;
    std::vector<std::string> problems;
    try {
        problems = reloadAll();
    } catch (const std::exception& error) {
        log::error(LogCategory::daemon, "reload failed: {}, the old configuration stays in force",
                   escapeForDisplay(error.what()));
        problems.emplace_back(error.what());
    }
    return problems;
}

std::vector<std::string> Daemon::reloadAll() {
    std::vector<Problem> problems;
    Config config = makeConfig(mergedSettings(commandLine_, problems), problems);
    if (!config.redisDirectories.empty() && !redis_)
        problems.push_back({"reload", "directory redis:KEY: the store in use is no Redis"});
    if (settings_.redis && !config.hasKeyFile)
        problems.push_back({"reload", "key-file is gone, which the store in Redis needs"});
    const bool fixedChanged = !(config.daemon == settings_);
    if (problems.empty())
        if (auto adopted = adopt(std::move(config)); !adopted)
            problems.push_back({"reload", adopted.error().message});
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < std::min(problems.size(), problemsLogged); ++i)
        lines.push_back(problems[i].line());
    for (const std::string& line : lines)
        log::error(LogCategory::config, "{}", line);
    if (problems.size() > lines.size())
        lines.push_back(
            fmt::format("and {} more: --check shows all", problems.size() - lines.size()));
    if (!problems.empty()) {
        log::error(LogCategory::daemon,
                   "reload failed: {} problems, the old configuration stays in force",
                   problems.size());
        // whoever has moved it away counts on that
        if (const auto runtime = services_.runtime.get(); runtime && runtime->tracking)
            runtime->tracking->reopen();
    } else {
        log::info(LogCategory::daemon, "reloaded: {} connections keep what they began with",
                  services_.openSessions.count());
    }
    if (problems.empty() && fixedChanged)
        log::warning(LogCategory::config,
                     "socket, socket-mode, socket-group, user, pid-file, "
                     "control, metrics, log, store, store-share and redis-* change only at the "
                     "next start");
    return lines;
}

} // namespace sluice
