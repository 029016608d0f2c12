// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/log.hh"
#include "milter/adapters/badmail_maildir.hh"
#include "milter/adapters/client_shares.hh"
#include "milter/adapters/directory_file.hh"
#include "milter/adapters/ldap_settings.hh"
#include "milter/adapters/redis_settings.hh"
#include "milter/adapters/resolver_unbound.hh"
#include "milter/adapters/tracking_log.hh"
#include "milter/options.hh"
#include "milter/policy/policy.hh"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// Where the MTA connects.
struct SocketSpec {
    enum class Kind : std::uint8_t { unixPath, inet, inet6 };

    Kind kind = Kind::unixPath;
    std::string path; ///< unixPath
    std::string host; ///< inet, inet6
    std::uint16_t port = 0;

    /// `unix:PATH`, `inet:PORT@HOST`, as libmilter and the MTAs write it.
    [[nodiscard]] std::string text() const;
    friend bool operator==(const SocketSpec&, const SocketSpec&) = default;
};

/// What is fixed for the life of the process. A reload that changes it says so in the log.
struct DaemonSettings {
    SocketSpec socket;
    mode_t socketMode = 0660;
    std::string socketGroup;
    std::string user;
    std::string pidFile;
    std::optional<SocketSpec> control;  ///< a unix socket for the operator's tool
    std::optional<SocketSpec> metrics;  ///< a port for Prometheus
    std::optional<RedisSettings> redis; ///< none: the store is in memory
    ClientShares::Limits storeShare;    ///< what each client may fill of Redis
    LogTarget logTarget = LogTarget::syslog;

    friend bool operator==(const DaemonSettings&, const DaemonSettings&) = default;
};

/// All settings with their types: what a reload replaces, and what it cannot.
struct Config {
    DaemonSettings daemon;
    LogLevels logLevels;
    bool observe = false;
    std::shared_ptr<PolicySettings> policy;
    std::vector<std::shared_ptr<FileDirectory>> fileDirectories;
    std::vector<std::string> redisDirectories; ///< keys of sets, see Daemon
    std::vector<LdapSettings> ldapDirectories; ///< see LdapDirectories
    /// How long who was known stays so while a server cannot be asked.
    std::chrono::milliseconds directoryCache{};
    std::chrono::milliseconds harvestWindow{};
    std::shared_ptr<HarvestCounter> ownHarvest; ///< this node's own count, see Daemon
    ResolverSettings resolver;
    bool dnsblSelfTest = true;
    std::optional<BadmailSettings> badmail;
    std::optional<TrackingSettings> tracking;
    bool hasKeyFile = false; ///< false: the policy's keys were made up, see Daemon
};

/// Gives all settings their types, reads the tables and directories, and checks what depends on
/// each other. Nothing is written or created. Everything that is wrong goes to `problems`; the
/// result is only good when there are none.
Config makeConfig(const Settings& settings, std::vector<Problem>& problems);

} // namespace sluice
