// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/ldap_server.hh"

#include "common/log.hh"

#include <netdb.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <random>
#include <utility>

namespace sluice {
namespace {

using std::chrono::steady_clock;
using Kind = LdapTrouble::Kind;

constexpr std::size_t maxAddresses = 16;
constexpr std::chrono::minutes logInterval{1};

/// Not a secret, and not asked often.
double chance() {
    static std::mutex mutex;
    static std::mt19937 engine{std::random_device{}()};
    const std::lock_guard guard(mutex);
    return std::uniform_real_distribution<double>(0, 1)(engine);
}

tl::unexpected<LdapTrouble> unreachable(std::string why) {
    return tl::unexpected(LdapTrouble{Kind::server, std::move(why)});
}

} // namespace

LdapServer::LdapServer(HostPort host, const LdapSettings& settings)
    : host_(std::move(host)), settings_(settings) {
    pool_.idle.reserve(maxConnections);
}

bool LdapServer::resolve() {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const std::string port = std::to_string(host_.port);
    if (const int error = ::getaddrinfo(host_.host.c_str(), port.c_str(), &hints, &list);
        error != 0) {
        *whyNoAddress_.lock() = ::gai_strerror(error);
        return false;
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(list, ::freeaddrinfo);
    std::vector<LdapAddress> found;
    for (const addrinfo* each = list; each != nullptr && found.size() < maxAddresses;
         each = each->ai_next) {
        if (each->ai_addrlen > sizeof(sockaddr_storage))
            continue;
        std::memcpy(&found.emplace_back().address, each->ai_addr, each->ai_addrlen);
        found.back().size = each->ai_addrlen;
    }
    addresses_.set(std::make_shared<const std::vector<LdapAddress>>(std::move(found)));
    return true;
}

/// Each address has an equal share of the time that is left.
LdapResult<LdapServer::Connection> LdapServer::open(SteadyTime deadline) {
    const auto addresses = addresses_.get();
    if (!addresses || addresses->empty())
        return unreachable("no address: " + *whyNoAddress_.lock());
    LdapResult<Connection> opened = unreachable("");
    const std::size_t first = firstAddress_;
    for (std::size_t i = 0; i < addresses->size(); ++i) {
        const SteadyTime now = steady_clock::now();
        const auto share = (deadline - now) / static_cast<long>(addresses->size() - i);
        const std::size_t index = (first + i) % addresses->size();
        opened = LdapConnection::open(settings_, host_, (*addresses)[index], now + share);
        if (opened || opened.error().kind == Kind::login) {
            firstAddress_ = index;
            break;
        }
    }
    return opened;
}

/// Under poolMutex_. Drops those that the server has closed.
LdapServer::Connection LdapServer::takeIdle() {
    while (!pool_.idle.empty()) {
        Idle last = std::move(pool_.idle.back());
        pool_.idle.pop_back();
        if (last.connection->reusable() && steady_clock::now() - last.lastUsed < longestIdle)
            return std::move(last.connection);
        --pool_.open;
    }
    return nullptr;
}

/// A place in the pool for a connection that is being opened.
class LdapServer::Place {
public:
    explicit Place(LdapServer& server) : server_(server) {}
    ~Place() {
        {
            const std::lock_guard guard(server_.poolMutex_);
            --server_.pool_.opening;
            if (!filled_)
                --server_.pool_.open;
        }
        server_.poolChanged_.notify_all();
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    void fill() { filled_ = true; }

private:
    LdapServer& server_;
    bool filled_ = false;
};

LdapResult<LdapServer::Taken> LdapServer::take(SteadyTime deadline) {
    {
        std::unique_lock lock(poolMutex_);
        const auto one = [&] {
            return !available_ || !pool_.idle.empty() ||
                   (pool_.open < maxConnections && pool_.opening < maxOpening);
        };
        for (;;) {
            if (!poolChanged_.wait_until(lock, deadline, one))
                return tl::unexpected(LdapTrouble{Kind::search, "all connections are in use"});
            if (auto connection = takeIdle())
                return Taken{std::move(connection), true};
            if (!available_)
                return unreachable("not available");
            if (one())
                break;
        }
        ++pool_.open;
        ++pool_.opening;
    }
    Place place(*this);
    auto opened = open(deadline);
    if (!opened)
        return tl::unexpected(opened.error());
    place.fill();
    return Taken{*std::move(opened), false};
}

void LdapServer::giveBack(Connection connection, bool good) {
    good = good && connection->reusable();
    {
        const std::lock_guard guard(poolMutex_);
        if (good)
            pool_.idle.push_back({std::move(connection), steady_clock::now()}); // room for all
        else
            --pool_.open;
    }
    poolChanged_.notify_one();
}

void LdapServer::dropIdle(SteadyTime usedBefore) {
    std::vector<Idle> dropped; // closed without the lock
    {
        const std::lock_guard guard(poolMutex_);
        auto& idle = pool_.idle;
        const auto fresh = std::find_if(
            idle.begin(), idle.end(), [&](const Idle& one) { return one.lastUsed >= usedBefore; });
        dropped.assign(std::make_move_iterator(idle.begin()), std::make_move_iterator(fresh));
        idle.erase(idle.begin(), fresh);
        pool_.open -= dropped.size();
    }
    poolChanged_.notify_all(); // who waits may find it unavailable
}

/// Once more, on another connection, when one that had been idle broke: the server may have closed
/// it at that moment.
LdapResult<bool> LdapServer::ask(const LdapSearch& search, SteadyTime deadline) {
    for (;;) {
        auto taken = take(deadline);
        if (!taken)
            return tl::unexpected(taken.error());
        auto answer = taken->connection->exists(search, deadline);
        const bool broke = !answer && answer.error().kind == Kind::server;
        giveBack(std::move(taken->connection), !broke);
        if (!broke || !taken->used || steady_clock::now() >= deadline)
            return answer;
        dropIdle(SteadyTime::max());
    }
}

LdapResult<bool> LdapServer::exists(const LdapSearch& search, SteadyTime deadline) {
    if (!available_)
        return unreachable("not available");
    auto answer = ask(search, deadline);
    if (!answer && answer.error().kind == Kind::server)
        noteFailure(answer.error(), false);
    return answer;
}

LdapResult<void> LdapServer::probe(SteadyTime deadline) {
    LdapResult<bool> answer = false;
    if (auto opened = open(deadline))
        answer = (*opened)->exists({settings_.base, LdapSettings::Scope::base, "(objectClass=*)"},
                                   deadline);
    else
        answer = tl::unexpected(opened.error());
    if (!answer && answer.error().kind != Kind::search) {
        noteFailure(answer.error(), true);
        return tl::unexpected(answer.error());
    }
    auto health = health_.lock();
    if (health->breaker.succeeded()) {
        available_ = true;
        if (std::exchange(health->told, false))
            log::info(LogCategory::directory, "ldap {}: available again", name());
    }
    return {};
}

SteadyTime LdapServer::nextTry() {
    auto health = health_.lock();
    return health->breaker.closed() ? SteadyTime::max() : health->breaker.nextTry();
}

void LdapServer::noteFailure(const LdapTrouble& trouble, bool ofTry) {
    ++firstAddress_;
    {
        const SteadyTime now = steady_clock::now();
        auto health = health_.lock();
        if (health->breaker.closed() == ofTry || !health->breaker.failed(now, chance()))
            return;
        available_ = false;
        if (health->logged == SteadyTime() || now - health->logged >= logInterval) {
            health->logged = now;
            health->told = true;
            log::warning(LogCategory::directory, "ldap {}: unavailable: {}", name(),
                         trouble.message);
        }
    }
    dropIdle(SteadyTime::max());
}

} // namespace sluice
