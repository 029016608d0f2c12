// SPDX-License-Identifier: BSD-2-Clause
#include "milter/config.hh"

#include "common/domain_name.hh"
#include "common/duration.hh"
#include "common/size.hh"
#include "common/text.hh"
#include "common/words.hh"
#include "milter/adapters/tracking_file.hh"
#include "milter/config_values.hh"
#include "milter/directory_values.hh"
#include "milter/list_values.hh"
#include "milter/loop_values.hh"
#include "milter/rewrite_values.hh"
#include "milter/store_values.hh"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <limits>

namespace sluice {
namespace {

constexpr std::string_view filePrefix = "file:";
constexpr std::uint64_t maxBadmailDays = 3650;
constexpr std::uint64_t maxTrackingDays = 3650;
constexpr std::uint64_t keptForEver = 100UL * 365; ///< days

Result<std::string> parseAnyWord(std::string_view text) {
    return std::string(text);
}

/// Over TCP anybody on this machine could use it.
Result<SocketSpec> parseControl(std::string_view text) {
    auto socket = parseSocket(text);
    if (socket && socket->kind != SocketSpec::Kind::unixPath)
        return fail(quoteForDisplay(text) + " is no unix:PATH");
    return socket;
}

Result<SocketSpec> parseMetrics(std::string_view text) {
    auto socket = parseSocket(text);
    if (socket && socket->kind == SocketSpec::Kind::unixPath)
        return fail(quoteForDisplay(text) + " is neither inet:PORT@HOST nor inet6:PORT@HOST");
    return socket;
}

bool userExists(const std::string& user) {
    const std::string name = user.substr(0, user.find(':'));
    const std::size_t colon = user.find(':');
    return getpwnam(name.c_str()) != nullptr &&
           (colon == std::string::npos || getgrnam(user.substr(colon + 1).c_str()) != nullptr);
}

void readDaemon(SettingsReader& reader, DaemonSettings& daemon) {
    reader.read("socket", parseSocket, daemon.socket);
    reader.read("socket-mode", parseMode, daemon.socketMode);
    reader.read("socket-group", parseAnyWord, daemon.socketGroup);
    reader.read("user", parseAnyWord, daemon.user);
    reader.read("pid-file", parseAnyWord, daemon.pidFile);
    daemon.control = reader.value("control", parseControl);
    if (daemon.control && *daemon.control == daemon.socket)
        reader.problem("control",
                       "the mail server connects to " + quoteForDisplay(daemon.socket.text()));
    daemon.metrics = reader.value("metrics", parseMetrics);
    if (daemon.metrics && *daemon.metrics == daemon.socket)
        reader.problem("metrics",
                       "the mail server connects to " + quoteForDisplay(daemon.socket.text()));
    reader.choice("log", {{"syslog", LogTarget::syslog}, {"stderr", LogTarget::stderrStream}},
                  daemon.logTarget);
    if (!daemon.socketGroup.empty() && getgrnam(daemon.socketGroup.c_str()) == nullptr)
        reader.problem("socket-group", fmt::format("there is no group \"{}\"",
                                                   escapeForDisplay(daemon.socketGroup)));
    if (!daemon.user.empty() && !userExists(daemon.user))
        reader.problem(
            "user", fmt::format("there is no user or group \"{}\"", escapeForDisplay(daemon.user)));
}

void readLocalDomains(SettingsReader& reader, LocalDomains& domains) {
    reader.each("local-domain", [&](std::string_view text) -> Result<void> {
        const auto domain = parseDomain(text);
        if (!domain)
            return tl::unexpected(domain.error());
        domains.add(*domain);
        return {};
    });
}

void readListeners(SettingsReader& reader,
                   std::unordered_map<std::string, ListenerSettings>& listeners) {
    reader.each("listener", [&](std::string_view text) -> Result<void> {
        const auto listener = parseListener(text);
        if (!listener)
            return tl::unexpected(listener.error());
        if (!listeners.emplace(listener->name, listener->settings).second)
            return fail(fmt::format("\"{}\" is named twice", escapeForDisplay(listener->name)));
        return {};
    });
}

void exemptByDefault(const LocalDomains& domains, PatternSet& exempt) {
    for (const std::string& domain : domains.names())
        for (const char* const local : {"postmaster", "abuse"})
            exempt.add({AddressPattern::Kind::address, fmt::format("{}@{}", local, domain)});
    exempt.add({AddressPattern::Kind::address, MailAddress("postmaster", "").key()});
}

void readConnection(SettingsReader& reader, const LocalDomains& domains,
                    ConnectionSettings& connection) {
    reader.networks("trusted", connection.trusted);
    reader.networks("restrict-ip", connection.restricted);
    reader.networks("accept-ip", connection.accepted);
    reader.networks("deny-ip", connection.denied);
    DnsblRules::Builder rules;
    reader.each("dnsbl", [&](std::string_view text) -> Result<void> {
        auto rule = parseDnsblRule(text);
        if (!rule)
            return tl::unexpected(rule.error());
        return rules.add(std::move(*rule));
    });
    connection.dnsbl = std::make_shared<const DnsblRules>(rules.build());
    if (reader.patterns("dnsbl-exempt", connection.dnsblExempt) == 0)
        exemptByDefault(domains, connection.dnsblExempt);
}

/// When a file was last changed, in nanoseconds; 0 when it is not there.
std::int64_t lastChange(const char* path) {
    struct stat status {};
    if (::stat(path, &status) != 0)
        return 0;
    return status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec;
}

void readResolver(SettingsReader& reader, ResolverSettings& resolver) {
    using Source = ResolverSettings::Source;
    std::size_t count = 0;
    reader.each("resolver", [&](std::string_view text) -> Result<void> {
        ++count;
        if (text == "system" || text == "recursive") {
            resolver.source = text == "system" ? Source::system : Source::recursive;
            return {};
        }
        auto server = parseServer(text);
        if (!server)
            return tl::unexpected(server.error());
        resolver.source = Source::servers;
        resolver.servers.push_back(std::move(*server));
        return {};
    });
    if (resolver.source == Source::system)
        resolver.resolvConfChanged = lastChange(resolver.resolvConf.c_str());
    if (count > 1 && resolver.servers.size() != count)
        reader.problem("resolver", "system and recursive stand alone, without other resolvers");
    reader.read("dns-timeout", parseDnsTimeout, resolver.timeout);
}

void readSender(SettingsReader& reader, SenderSettings& sender) {
    reader.patterns("block-sender", sender.blocked);
    reader.read("block-blank-sender", parseYesNo, sender.blockBlank);
    reader.choice("sender-action",
                  {{"reject", SenderAction::reject},
                   {"drop", SenderAction::drop},
                   {"badmail", SenderAction::badmail},
                   {"hold", SenderAction::hold}},
                  sender.action);
    reader.read("check-from-header", parseYesNo, sender.checkFromHeader);
    reader.choice(
        "spoof-check",
        {{"off", SpoofCheck::off}, {"mark", SpoofCheck::mark}, {"reject", SpoofCheck::reject}},
        sender.spoofCheck);
}

void readBadmail(SettingsReader& reader, SenderAction action, Config& config) {
    BadmailSettings badmail;
    reader.read("badmail-quota", parseSize, badmail.quota);
    std::uint64_t days = 0;
    reader.read("badmail-days", parseCount, days);
    if (days > maxBadmailDays)
        reader.problem("badmail-days",
                       fmt::format("{} days are more than {}", days, maxBadmailDays));
    else
        badmail.keep = std::chrono::hours(24) * static_cast<int>(days == 0 ? keptForEver : days);
    if (badmail.quota == 0)
        badmail.quota = std::numeric_limits<std::uint64_t>::max();
    badmail.directory = reader.word("badmail-dir");
    struct stat status {};
    if (badmail.directory.empty()) {
        if (action == SenderAction::badmail)
            reader.problem("sender-action", "\"badmail\" needs badmail-dir");
        return;
    }
    if (::stat(badmail.directory.c_str(), &status) != 0)
        reader.problem("badmail-dir", fmt::format("\"{}\": {}", escapeForDisplay(badmail.directory),
                                                  std::strerror(errno)));
    else if (!S_ISDIR(status.st_mode))
        reader.problem("badmail-dir", fmt::format("\"{}\" is not a directory",
                                                  escapeForDisplay(badmail.directory)));
    config.badmail = std::move(badmail);
}

void readTracking(SettingsReader& reader, Config& config) {
    TrackingSettings tracking;
    std::uint64_t days = tracking.days;
    reader.read("tracking-days", parseCount, days);
    reader.read("track-subjects", parseYesNo, tracking.subjects);
    tracking.path = reader.word("tracking-log");
    if (days == 0 || days > maxTrackingDays)
        reader.problem("tracking-days",
                       fmt::format("{} is not between 1 and {}", days, maxTrackingDays));
    if (tracking.path.empty())
        return;
    tracking.days = static_cast<unsigned>(days);
    const std::size_t slash = tracking.path.rfind('/');
    struct stat status {};
    if (!tracking.path.starts_with('/') || tracking.path.ends_with('/'))
        reader.problem("tracking-log",
                       quoteForDisplay(tracking.path) + " is no absolute path of a file");
    else if (::stat(tracking.path.substr(0, slash + 1).c_str(), &status) != 0)
        reader.problem("tracking-log",
                       fmt::format("\"{}\": {}", escapeForDisplay(tracking.path.substr(0, slash)),
                                   std::strerror(errno)));
    else if (const auto judged = mayBeTrackingFile(tracking.path); !judged)
        reader.problem("tracking-log", escapeForDisplay(judged.error().message));
    config.tracking = std::move(tracking);
}

Result<std::shared_ptr<FileDirectory>> openDirectory(std::string_view text) {
    const auto words = splitWords(text);
    if (!words)
        return tl::unexpected(words.error());
    if (words->size() != 1 || words->front().rfind(filePrefix, 0) != 0)
        return fail(fmt::format("\"{}\" is none of: file:PATH, redis:KEY, ldap://…, ldaps://…",
                                escapeForDisplay(text)));
    return FileDirectory::open(words->front().substr(filePrefix.size()));
}

void readRecipient(SettingsReader& reader, Config& config) {
    RecipientSettings& recipient = config.policy->recipient;
    reader.patterns("block-recipient", recipient.blocked);
    reader.each("restrict-recipient", [&](std::string_view text) -> Result<void> {
        auto named = parseRestriction(text);
        if (!named)
            return tl::unexpected(named.error());
        if (!recipient.restricted.emplace(named->key, std::move(named->restriction)).second)
            return fail(fmt::format("\"{}\" is restricted twice", escapeForDisplay(named->key)));
        return {};
    });
    reader.each("directory", [&](std::string_view text) -> Result<void> {
        constexpr std::string_view redisPrefix = "redis:";
        if (text.starts_with(redisPrefix) && text.size() > redisPrefix.size() &&
            text.find(' ') == std::string_view::npos) {
            config.redisDirectories.emplace_back(text.substr(redisPrefix.size()));
            return {};
        }
        if (text.find("ldap") < 2) // it may be quoted
            return addLdapDirectory(text, config.ldapDirectories);
        auto directory = openDirectory(text);
        if (!directory)
            return tl::unexpected(directory.error());
        recipient.directories.push_back(*directory);
        config.fileDirectories.push_back(std::move(*directory));
        return {};
    });
    readLdapOptions(reader, config.ldapDirectories);
    reader.read("directory-cache", parseDirectoryCache, config.directoryCache);
    HarvestLimit harvest;
    reader.read("harvest-limit", parseHarvestLimit, harvest);
    recipient.harvestLimit = harvest.count;
    config.harvestWindow = harvest.window;
    reader.read("tarpit", parseTarpit, recipient.tarpit);
}

void readLimits(SettingsReader& reader, LimitSettings& limits) {
    reader.read("max-size", parseSize, limits.maxSize);
    reader.read("max-session-size", parseSize, limits.maxSessionSize);
    reader.read("max-messages", parseCount, limits.maxMessages);
    reader.read("max-recipients", parseCount, limits.maxRecipients);
    reader.read("max-hops", parseCount, limits.maxHops);
}

void readKeys(SettingsReader& reader, Config& config) {
    const std::string path = reader.word("key-file");
    config.hasKeyFile = !path.empty();
    auto keyring = path.empty() ? Result<Keyring>(Keyring::random()) : Keyring::read(path);
    if (!keyring)
        reader.problem("key-file", keyring.error().message);
    config.policy->keyring =
        std::make_shared<const Keyring>(keyring ? *std::move(keyring) : Keyring::random());
}

/// What would silently do nothing is a mistake of the administrator.
void checkDependencies(SettingsReader& reader, const Config& config) {
    const PolicySettings& policy = *config.policy;
    if (policy.recipient.tarpit.count() != 0 && !reader.isSet("directory"))
        reader.problem("tarpit", "does nothing without directory");
    if (!config.redisDirectories.empty() && !config.daemon.redis)
        reader.problem("directory", "redis:KEY needs a Redis in the option store");
    if (!policy.localDomains.empty())
        return;
    if (!policy.recipient.directories.empty() || !config.redisDirectories.empty() ||
        !config.ldapDirectories.empty())
        reader.problem("directory", "does nothing without local-domain");
    if (policy.sender.spoofCheck != SpoofCheck::off)
        reader.problem("spoof-check", "does nothing without local-domain");
}

} // namespace

std::string SocketSpec::text() const {
    switch (kind) {
    case Kind::unixPath:
        return "unix:" + path;
    case Kind::inet:
        return fmt::format("inet:{}@{}", port, host);
    case Kind::inet6:
        return fmt::format("inet6:{}@{}", port, host);
    }
    return {};
}

Config makeConfig(const Settings& settings, std::vector<Problem>& problems) {
    SettingsReader reader(settings, problems);
    Config config;
    config.policy = std::make_shared<PolicySettings>();
    PolicySettings& policy = *config.policy;
    readDaemon(reader, config.daemon);
    reader.choice("mode", {{"enforce", false}, {"observe", true}}, config.observe);
    reader.each("log-level",
                [&](std::string_view text) { return applyLogLevel(text, config.logLevels); });
    readLocalDomains(reader, policy.localDomains);
    readListeners(reader, policy.listeners);
    readConnection(reader, policy.localDomains, policy.connection);
    readResolver(reader, config.resolver);
    reader.read("dnsbl-self-test", parseYesNo, config.dnsblSelfTest);
    readSender(reader, policy.sender);
    readDomainRewrites(reader, !policy.localDomains.empty(), policy.rewrites);
    readBadmail(reader, policy.sender.action, config);
    readTracking(reader, config);
    readRecipient(reader, config);
    readLimits(reader, policy.limits);
    readKeys(reader, config);
    config.daemon.redis = readStore(reader, config.hasKeyFile);
    reader.read("store-share", parseStoreShare, config.daemon.storeShare);
    readLists(reader, policy.lists);
    readLoops(reader, policy.lists, policy.loops);
    checkDependencies(reader, config);
    return config;
}

} // namespace sluice
