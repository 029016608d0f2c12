// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/locked.hh"
#include "milter/adapters/circuit_breaker.hh"
#include "milter/adapters/ldap_connection.hh"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace sluice {

/// One LDAP server: its addresses, its connections, and whether it is worth asking. Any thread.
class LdapServer {
public:
    /// Connections that are open at once.
    static constexpr std::size_t maxConnections = 16;
    /// That are being opened at once: a wrong password is not tried by many, which would lock the
    /// account.
    static constexpr std::size_t maxOpening = 2;
    /// One that was not used for longer may be dead without a sign.
    static constexpr std::chrono::seconds longestIdle{60};

    LdapServer(HostPort host, const LdapSettings& settings);

    /// Whether there is such an entry. Error of kind `server` at once while the server is
    /// unavailable.
    LdapResult<bool> exists(const LdapSearch& search, SteadyTime deadline);

    /// Tries an unavailable server, by asking for the base; it is available when it answers.
    LdapResult<void> probe(SteadyTime deadline);
    /// Looks up the name, which may take long; false: what was known before is still used. An
    /// address is its own.
    bool resolve();
    void dropIdle(SteadyTime usedBefore);

    [[nodiscard]] bool available() const { return available_; }
    /// When the server wants to be tried again; the far future while it is available.
    [[nodiscard]] SteadyTime nextTry();
    [[nodiscard]] std::string name() const { return host_.text(); }

private:
    using Connection = std::unique_ptr<LdapConnection>;
    struct Idle {
        Connection connection;
        SteadyTime lastUsed;
    };
    struct Pool {
        std::vector<Idle> idle; ///< the last used last
        std::size_t open = 0;   ///< idle, in use and being opened
        std::size_t opening = 0;
    };
    struct Taken {
        Connection connection;
        bool used = false; ///< before: it may have died since
    };
    class Place;
    struct Health {
        CircuitBreaker breaker;
        SteadyTime logged; ///< the last line that it is unavailable
        bool told = false; ///< by that line, and none since says otherwise
    };

    LdapResult<Taken> take(SteadyTime deadline);
    LdapResult<Connection> open(SteadyTime deadline);
    Connection takeIdle();
    void giveBack(Connection connection, bool good);
    LdapResult<bool> ask(const LdapSearch& search, SteadyTime deadline);
    void noteFailure(const LdapTrouble& trouble, bool ofTry);

    const HostPort host_;
    const LdapSettings& settings_;
    Snapshot<std::vector<LdapAddress>> addresses_; ///< null: none was found yet
    Locked<std::string> whyNoAddress_;
    std::atomic<std::size_t> firstAddress_{0}; ///< where to begin: the last one that worked
    std::mutex poolMutex_;
    std::condition_variable poolChanged_;
    Pool pool_;
    Locked<Health> health_;
    std::atomic<bool> available_{true};
};

} // namespace sluice
