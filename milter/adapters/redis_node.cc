// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/redis_node.hh"

#include "common/log.hh"

#include <chrono>
#include <new>
#include <random>
#include <utility>

namespace sluice {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::minutes logInterval{1};
constexpr std::size_t longestReason = 200;

/// Not a secret, and not asked often.
double chance() {
    static std::mutex mutex;
    static std::mt19937 engine{std::random_device{}()};
    const std::lock_guard guard(mutex);
    return std::uniform_real_distribution<double>(0, 1)(engine);
}

} // namespace

RedisNode::RedisNode(RedisEndpoint endpoint, const RedisSettings& settings)
    : endpoint_(std::move(endpoint)), settings_(settings) {
    pool_.idle.reserve(maxConnections);
}

Result<RedisNode::Lease> RedisNode::connect(SteadyTime deadline, Asking asking) {
    const bool probing = asking == Asking::probe;
    if (!probing && !available_)
        return fail("not available");
    std::unique_ptr<RedisConnection> connection;
    {
        std::unique_lock lock(poolMutex_);
        const auto one = [&] {
            return !pool_.idle.empty() ||
                   (pool_.open < maxConnections && (probing || pool_.opening < maxOpening));
        };
        do {
            if (!poolChanged_.wait_until(lock, deadline, one))
                return fail("all connections are in use");
            connection = takeIdle();
        } while (!connection && !one());
        if (!connection) {
            ++pool_.open;
            ++pool_.opening;
        }
    }
    if (connection)
        return Lease(*this, std::move(connection));
    auto opened = openAnother(deadline);
    if (!opened && asking == Asking::work)
        failed(opened.error().message);
    if (!opened)
        return tl::unexpected(opened.error());
    return Lease(*this, *std::move(opened));
}

/// Under poolMutex_. Drops those that the server has closed.
std::unique_ptr<RedisConnection> RedisNode::takeIdle() {
    while (!pool_.idle.empty()) {
        std::unique_ptr<RedisConnection> connection = std::move(pool_.idle.back());
        pool_.idle.pop_back();
        if (connection->reusable())
            return connection;
        --pool_.open;
    }
    return nullptr;
}

/// Its place in the pool is taken already.
Result<std::unique_ptr<RedisConnection>> RedisNode::openAnother(SteadyTime deadline) {
    Result<std::unique_ptr<RedisConnection>> opened = tl::unexpected(Error{});
    try {
        opened = RedisConnection::open(endpoint_, settings_.login, settings_.database,
                                       settings_.tls, deadline);
    } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): `opened` says so already
    }
    {
        const std::lock_guard guard(poolMutex_);
        --pool_.opening;
        if (!opened)
            --pool_.open;
    }
    poolChanged_.notify_all();
    return opened;
}

void RedisNode::takeBack(std::unique_ptr<RedisConnection> connection) {
    const bool good = connection && connection->settled();
    {
        const std::lock_guard guard(poolMutex_);
        if (good)
            pool_.idle.push_back(std::move(connection)); // there is room for all
        else
            --pool_.open;
    }
    poolChanged_.notify_one();
}

void RedisNode::dropIdle() {
    {
        const std::lock_guard guard(poolMutex_);
        pool_.open -= pool_.idle.size();
        pool_.idle.clear();
    }
    poolChanged_.notify_all();
}

std::optional<RedisNode::Trouble> RedisNode::trouble() {
    auto health = health_.lock();
    if (health->breaker.closed())
        return std::nullopt;
    return Trouble{health->why, health->breaker.openSince(), health->breaker.nextTry()};
}

SteadyTime RedisNode::nextTry() {
    auto health = health_.lock();
    return health->breaker.closed() ? SteadyTime::max() : health->breaker.nextTry();
}

void RedisNode::succeeded() {
    if (available_)
        return;
    auto health = health_.lock();
    if (health->breaker.succeeded()) {
        available_ = true;
        ++health->changes;
        log(*health, endpoint_.text(), steady_clock::now());
    }
}

void RedisNode::failed(const std::string& why) {
    noteFailure(why, false);
    dropIdle();
}

void RedisNode::probeFailed(const std::string& why) {
    noteFailure(why, true);
    dropIdle();
}

void RedisNode::noteFailure(const std::string& why, bool ofTry) {
    auto health = health_.lock();
    if (!ofTry && !health->breaker.closed())
        return;
    health->why = why.substr(0, longestReason);
    if (health->breaker.failed(steady_clock::now(), chance())) {
        available_ = false;
        ++health->changes;
        log(*health, endpoint_.text(), steady_clock::now());
    }
}

void RedisNode::report() {
    auto health = health_.lock();
    if (health->changes != 0)
        log(*health, endpoint_.text(), steady_clock::now());
}

void RedisNode::log(Health& health, const std::string& name, SteadyTime now) {
    const bool available = health.breaker.closed();
    SteadyTime& logged = health.logged.at(available ? 1 : 0);
    const bool flapped = health.changes > 1;
    if ((available == health.toldAvailable && !flapped) ||
        (logged != SteadyTime() && now - logged < logInterval))
        return;
    logged = now;
    health.toldAvailable = available;
    const std::string times = flapped ? fmt::format(" ({} changes)", health.changes) : "";
    health.changes = 0;
    if (available)
        log::info(LogCategory::store, "redis {}: available again{}", name, times);
    else
        log::warning(LogCategory::store,
                     "redis {}: unavailable: {}; this node counts for itself meanwhile{}", name,
                     health.why, times);
}

} // namespace sluice
