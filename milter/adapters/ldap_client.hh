// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/ldap_server.hh"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

namespace sluice {

/// Asks the first available one of some equal servers. A thread of its own looks up names, tries
/// servers that are unavailable, and tries a login that was refused; callers never wait for these.
/// Any thread.
class LdapClient : public std::enable_shared_from_this<LdapClient> {
public:
    /// Of a login that was refused, so that it does not lock the account; twice as long each time.
    static constexpr std::chrono::minutes firstLoginPause{1};
    static constexpr std::chrono::minutes longestLoginPause{16};

    /// Waits a moment for names, so that the first recipient finds a server.
    static std::shared_ptr<LdapClient> start(LdapSettings settings);
    ~LdapClient();
    LdapClient(const LdapClient&) = delete;
    LdapClient& operator=(const LdapClient&) = delete;

    /// Whether there is such an entry. `deadline` bounds all of it.
    LdapResult<bool> exists(const LdapSearch& search, SteadyTime deadline);

    /// Ends the thread as soon as it can; nobody waits for it.
    void stop();

    [[nodiscard]] const LdapSettings& settings() const { return settings_; }

private:
    struct Login {
        bool refused = false;
        std::string why;
        SteadyTime nextTry;
        std::chrono::minutes pause = firstLoginPause;
    };

    explicit LdapClient(LdapSettings settings);
    void keepHouse();
    bool waitForTick();
    void resolveAll();
    void tryUnavailable();
    void tryLogin();
    void loginRefused(const std::string& why, bool again);

    const LdapSettings settings_;
    std::deque<LdapServer> servers_;
    Locked<Login> login_;
    std::atomic<bool> loginGood_{true};
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    bool ready_ = false;                  ///< names were looked up once
    std::atomic<bool> suspicious_{false}; ///< an address may be wrong
};

} // namespace sluice
