// SPDX-License-Identifier: BSD-2-Clause
#include "milter/daemon.hh"

#include "common/log.hh"
#include "common/text.hh"
#include "common/version.hh"
#include "milter/adapters/harvest_memory.hh"
#include "milter/adapters/harvest_redis.hh"
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
#include <fstream>

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

Result<void> writePidFile(const std::string& path) {
    if (path.empty())
        return {};
    std::ofstream file(path, std::ios::trunc);
    file << ::getpid() << '\n';
    if (!file.flush())
        return fail("cannot write the pid file " + escapeForDisplay(path));
    return {};
}

std::size_t sessionLimit(std::size_t files) {
    return files > 2 * reservedFiles ? files - reservedFiles : files / 2;
}

/// Of what the store shows its operator: by the keys that the nodes of a site share.
TextSeal labelSeal(const Keyring& keyring) {
    std::vector<Digest> keys;
    for (const Key& key : keyring.keys())
        if (keys.size() < Keyring::acceptedKeys)
            keys.push_back(key.mac("store labels"));
    return TextSeal(std::move(keys));
}

nlohmann::json trackingStatus(const TrackingLog* tracking) {
    if (tracking == nullptr)
        return nullptr;
    return {{"path", tracking->settings().path},
            {"written", tracking->written()},
            {"dropped", tracking->dropped()}};
}

std::int64_t wholeSeconds(std::chrono::steady_clock::duration time) {
    return std::max(std::chrono::ceil<std::chrono::seconds>(time).count(), std::int64_t{0});
}

nlohmann::json asJson(const DnsblZoneStatus& zone) {
    nlohmann::json shown{{"zone", zone.zone},
                         {"queries", zone.queries},
                         {"listed", zone.listed},
                         {"not_listed", zone.notListed},
                         {"unknown", zone.unknown},
                         {"provider_errors", zone.providerErrors},
                         {"suspended_ipv4", zone.reasonIpv4},
                         {"suspended_ipv6", zone.reasonIpv6}};
    if (!zone.reasonIpv4.empty())
        shown.update({{"suspended_ipv4_seconds", zone.suspendedForIpv4.count()},
                      {"probe_ipv4_seconds", zone.probeInIpv4.count()}});
    if (!zone.reasonIpv6.empty())
        shown.update({{"suspended_ipv6_seconds", zone.suspendedForIpv6.count()},
                      {"probe_ipv6_seconds", zone.probeInIpv6.count()}});
    return shown;
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
    if (auto written = writePidFile(settings_.pidFile); !written)
        return written;
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
        metricsEndpoint_->serve(metrics_->collectable());
    housekeeper_ = std::thread([this] { keepHouse(); });
    return {};
}

std::shared_ptr<Store> Daemon::makeStore() {
    auto own = makeMemoryStore();
    if (!settings_.redis)
        return own;
    redis_ = std::make_shared<RedisStore>(*settings_.redis, labelSeal(*initial_.policy->keyring));
    services_.storeMayWait = settings_.redis->timeout > shortWait;
    return std::make_shared<FallbackStore>(redis_, std::move(own));
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
    actions.status = [this] { return status(); };
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

nlohmann::json Daemon::storeStatus() const {
    if (!redis_)
        return {{"kind", "memory"}, {"available", true}};
    auto nodes = nlohmann::json::array();
    bool available = true;
    const auto now = std::chrono::steady_clock::now();
    for (const RedisNodeStatus& node : redis_->status()) {
        nlohmann::json shown{{"address", node.address}, {"available", node.available}};
        if (node.trouble)
            shown.update({{"reason", node.trouble->why},
                          {"unavailable_seconds", wholeSeconds(now - node.trouble->since)},
                          {"next_try_seconds", wholeSeconds(node.trouble->nextTry - now)}});
        nodes.push_back(std::move(shown));
        available = available && node.available;
    }
    return {{"kind", "redis"},
            {"url", settings_.redis->url()},
            {"available", available && !nodes.empty()},
            {"nodes", std::move(nodes)}};
}

nlohmann::json Daemon::status() const {
    const auto runtime = services_.runtime.get();
    const PolicySettings& policy = *runtime->config.policy;
    auto zones = nlohmann::json::array();
    for (const DnsblZoneStatus& zone : dnsbl_->status())
        zones.push_back(asJson(zone));
    const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::now() - started_);
    return {{"version", version},
            {"pid", ::getpid()},
            {"uptime_seconds", uptime.count()},
            {"config", commandLine_.configFile},
            {"socket", settings_.socket.text()},
            {"mode", runtime->config.observe ? "observe" : "enforce"},
            {"sessions", services_.openSessions.count()},
            {"lists", policy.lists.lists.size()},
            {"store", storeStatus()},
            {"tracking", trackingStatus(runtime->tracking.get())},
            {"dnsbl", std::move(zones)}};
}

void Daemon::stop(bool orderly) {
    service_manager::stopping();
    if (tarpit_)
        tarpit_->drain();
    stopping_ = true; // nobody is answered any more, which is no fault now
    const auto deadline = std::chrono::steady_clock::now() + callbackDeadline;
    while (services_.callbacksRunning.load() != 0 && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(callbackPoll);
    server_.close();
    controlListener_.reset(); // its thread ends with the process
    if (!settings_.pidFile.empty())
        ::unlink(settings_.pidFile.c_str());
    if (const auto runtime = services_.runtime.get(); runtime && runtime->tracking) {
        trackCounts(*runtime);
        runtime->tracking->finish();
    }
    log::info(LogCategory::daemon, "stopped: {} connections were open",
              services_.openSessions.count());
    log::stop();
    process::exitNow(orderly ? EXIT_SUCCESS : EXIT_FAILURE);
}

Result<std::shared_ptr<BadmailStore>> Daemon::badmailStore(const Config& config) const {
    if (!config.badmail || config.policy->sender.action != SenderAction::badmail)
        return std::shared_ptr<BadmailStore>();
    const auto current = services_.runtime.get();
    if (current && current->badmail && current->config.badmail == config.badmail)
        return current->badmail->reopen().map([&] { return current->badmail; });
    return BadmailStore::open(*config.badmail);
}

/// Opened anew at each reload: the file may have been moved away.
Result<std::shared_ptr<TrackingLog>> Daemon::trackingLog(const Config& config) const {
    if (!config.tracking)
        return std::shared_ptr<TrackingLog>();
    const auto current = services_.runtime.get();
    if (!current || !current->tracking || current->config.tracking != config.tracking)
        return TrackingLog::open(*config.tracking);
    current->tracking->reopen();
    return current->tracking;
}

Result<std::shared_ptr<Resolver>> Daemon::resolver(const Config& config) const {
    const auto current = services_.runtime.get();
    if (config.policy->connection.dnsbl->empty() ||
        (resolver_ && resolver_->usable() && resolverSettings_ == config.resolver))
        return resolver_;
    return makeUnboundResolver(config.resolver);
}

void Daemon::carryOver(Config& config) const {
    const auto current = services_.runtime.get();
    if (current && !current->config.hasKeyFile && !config.hasKeyFile)
        config.policy->keyring = current->config.policy->keyring;
    if (current && current->config.harvestWindow == config.harvestWindow)
        config.ownHarvest = current->config.ownHarvest;
    else
        config.ownHarvest = makeMemoryHarvestCounter(config.harvestWindow);
    if (current)
        keepDirectories(current->config, config);
}

/// Behind carryOver(), which may bring the keys and this node's own count.
void Daemon::countHarvest(Config& config) const {
    PolicySettings& policy = *config.policy;
    policy.recipient.harvest = config.ownHarvest;
    if (redis_)
        policy.recipient.harvest = makeRedisHarvestCounter(
            std::shared_ptr<RedisClient>(redis_, &redis_->client()),
            KeyHasher(storeSecret(*policy.keyring)), config.harvestWindow, config.ownHarvest);
}

/// Behind those of files. Without a Redis there are none, see makeConfig().
void Daemon::addRedisDirectories(Config& config) {
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

Result<void> Daemon::adopt(Config config) {
    auto badmail = badmailStore(config);
    if (!badmail)
        return tl::unexpected(badmail.error());
    auto newResolver = resolver(config);
    if (!newResolver)
        return tl::unexpected(newResolver.error());
    auto tracking = trackingLog(config);
    if (!tracking)
        return tl::unexpected(tracking.error());
    carryOver(config);
    addRedisDirectories(config);
    countHarvest(config);
    ldapDirectories_.addTo(config);
    auto runtime = std::make_shared<const Runtime>(std::move(config), std::move(*badmail),
                                                   std::move(*tracking));
    dnsbl_->configure(*newResolver, runtime->config.policy->connection.dnsbl->zones(),
                      runtime->config.dnsblSelfTest);
    if (resolver_ != *newResolver)
        resolverSettings_ = runtime->config.resolver;
    resolver_ = std::move(*newResolver);
    log::setLevels(runtime->config.logLevels);
    if (redis_)
        redis_->setSeal(labelSeal(*runtime->config.policy->keyring));
    services_.runtime.set(std::move(runtime));
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
            log::error(LogCategory::daemon, "housekeeping: {}", escapeForDisplay(error.what()));
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
    service_manager::reloading();
    std::vector<std::string> problems;
    try {
        problems = reloadAll();
    } catch (const std::exception& error) {
        log::error(LogCategory::daemon, "reload failed: {}, the old configuration stays in force",
                   escapeForDisplay(error.what()));
        problems.emplace_back(error.what());
    }
    service_manager::ready();
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
    if (!problems.empty())
        log::error(LogCategory::daemon,
                   "reload failed: {} problems, the old configuration stays in force",
                   problems.size());
    else
        log::info(LogCategory::daemon, "reloaded: {} connections keep what they began with",
                  services_.openSessions.count());
    if (problems.empty() && fixedChanged)
        log::warning(LogCategory::config,
                     "socket, socket-mode, socket-group, user, pid-file, "
                     "control, metrics, log, store and redis-* change only at the next start");
    return lines;
}

} // namespace sluice
