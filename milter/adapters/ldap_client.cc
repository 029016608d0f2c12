// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/ldap_client.hh"

#include "common/log.hh"

#include <algorithm>
#include <csignal>
#include <exception>
#include <thread>
#include <utility>

namespace sluice {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Kind = LdapTrouble::Kind;

constexpr milliseconds tick{100};
constexpr milliseconds startPatience{500};
constexpr std::chrono::seconds addressLifetime{60};
/// No oftener, however much goes wrong.
constexpr std::chrono::seconds resolveAgain{2};

void blockSignals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

} // namespace

LdapClient::LdapClient(LdapSettings settings) : settings_(std::move(settings)) {
    for (const HostPort& server : settings_.servers)
        servers_.emplace_back(server, settings_);
}

LdapClient::~LdapClient() = default;

std::shared_ptr<LdapClient> LdapClient::start(LdapSettings settings) {
    std::shared_ptr<LdapClient> client(new LdapClient(std::move(settings))); // private
    // a look-up of a name cannot be broken off, and nobody shall wait for it
    std::thread([client] { client->keepHouse(); }).detach();
    std::unique_lock lock(client->mutex_);
    client->wake_.wait_for(lock, startPatience, [&] { return client->ready_; });
    return client;
}

void LdapClient::stop() {
    {
        const std::lock_guard guard(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
}

/// A server that is silent leaves time for those behind it.
LdapResult<bool> LdapClient::exists(const LdapSearch& search, SteadyTime deadline) {
    if (!loginGood_)
        return tl::unexpected(LdapTrouble{Kind::login, login_.lock()->why});
    LdapResult<bool> answer = tl::unexpected(LdapTrouble{Kind::server, "no server is available"});
    auto left = std::count_if(servers_.begin(), servers_.end(),
                              [](const LdapServer& server) { return server.available(); });
    for (LdapServer& server : servers_) {
        if (!server.available())
            continue;
        const SteadyTime now = steady_clock::now();
        answer = server.exists(search, now + (deadline - now) / std::max<long>(left--, 1));
        if (answer)
            return answer;
        answer.error().message = server.name() + ": " + answer.error().message;
        suspicious_ = true;
        if (answer.error().kind == Kind::login) {
            loginRefused(answer.error().message, false);
            return answer;
        }
    }
    return answer;
}

void LdapClient::loginRefused(const std::string& why, bool again) {
    auto login = login_.lock();
    if (login->refused && !again)
        return; // of another thread, at the same time
    login->pause = again ? std::min(2 * login->pause, longestLoginPause) : firstLoginPause;
    login->refused = true;
    login->why = why;
    login->nextTry = steady_clock::now() + login->pause;
    loginGood_ = false;
}

// --- the thread ---------------------------------------------------------------------------------

bool LdapClient::waitForTick() {
    std::unique_lock lock(mutex_);
    return !wake_.wait_for(lock, tick, [this] { return stopping_; });
}

void LdapClient::keepHouse() {
    blockSignals();
    LdapConnection::prepareLibrary();
    SteadyTime resolved;
    do {
        try {
            const auto age = steady_clock::now() - resolved;
            if (age >= addressLifetime || (suspicious_ && age >= resolveAgain)) {
                suspicious_ = false;
                resolveAll();
                resolved = steady_clock::now();
            }
            tryUnavailable();
            tryLogin();
            for (LdapServer& server : servers_)
                server.dropIdle(steady_clock::now() - LdapServer::longestIdle);
        } catch (const std::exception&) { // no memory: the next tick tries again
            suspicious_ = true;
        }
    } while (waitForTick());
    for (LdapServer& server : servers_)
        server.dropIdle(SteadyTime::max());
}

void LdapClient::resolveAll() {
    for (LdapServer& server : servers_)
        if (!server.resolve())
            suspicious_ = true;
    {
        const std::lock_guard guard(mutex_);
        ready_ = true;
    }
    wake_.notify_all();
}

void LdapClient::tryUnavailable() {
    for (LdapServer& server : servers_)
        if (loginGood_ && server.nextTry() <= steady_clock::now())
            if (const auto answered = server.probe(steady_clock::now() + settings_.timeout);
                !answered && answered.error().kind == Kind::login)
                loginRefused(server.name() + ": " + answered.error().message, false);
}

void LdapClient::tryLogin() {
    {
        auto login = login_.lock();
        if (!login->refused || login->nextTry > steady_clock::now())
            return;
    }
    for (LdapServer& server : servers_) {
        const auto answered = server.probe(steady_clock::now() + settings_.timeout);
        if (answered) {
            *login_.lock() = Login();
            loginGood_ = true;
            log::info(LogCategory::directory, "ldap {}: takes the login again", server.name());
            return;
        }
        if (answered.error().kind == Kind::login) {
            loginRefused(server.name() + ": " + answered.error().message, true);
            return;
        }
    }
    login_.lock()->nextTry = steady_clock::now() + firstLoginPause; // no server says anything
}

} // namespace sluice
