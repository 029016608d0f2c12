// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/redis_server.hh"

#include "milter/adapters/redis_connection.hh"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <optional>
#include <thread>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto patience = 20s;
constexpr const char* loopback = "127.0.0.1";
constexpr const char* siteName = "site";

using Words = std::vector<std::string>;

/// Redis, or what the environment has in its place.
std::string serverProgram() {
    const char* const named = std::getenv("SLUICE_REDIS_SERVER");
    return named == nullptr ? "/usr/bin/redis-server" : named;
}

/// What the server answers; nothing: it does not, or with an error.
std::optional<RedisReply> ask(const RedisEndpoint& server, const Words& words) {
    const auto deadline = Clock::now() + 5s;
    auto connection = RedisConnection::open(server, {}, 0, false, deadline);
    if (!connection)
        return std::nullopt;
    auto reply = (*connection)->ask({words.begin(), words.end()}, deadline);
    if (!reply || reply->value().error())
        return std::nullopt;
    return std::move(*reply);
}

RedisEndpoint at(std::uint16_t port) {
    return {"", loopback, port};
}

void await(const std::string& what, const std::function<bool()>& isSo, ServerProcess& process,
           const std::string& log) {
    const auto deadline = Clock::now() + patience;
    while (!isSo()) {
        CAPTURE(what);
        REQUIRE_MESSAGE((process.running() && Clock::now() < deadline), readFile(log));
        std::this_thread::sleep_for(10ms);
    }
}

std::unique_ptr<ServerProcess> start(const ScratchDirectory& directory, const RedisClock& clock,
                                     const std::string& name, const RedisEndpoint& endpoint,
                                     const Words& more) {
    Words command{"/usr/bin/env",
                  std::string("LD_PRELOAD=") + SLUICE_FIXED_CLOCK_LIBRARY,
                  "SLUICE_FIXED_CLOCK=" + clock.path(),
                  serverProgram(),
                  "--bind",
                  loopback,
                  "--port",
                  std::to_string(endpoint.port),
                  "--dir",
                  directory.path(),
                  "--save",
                  "",
                  "--appendonly",
                  "no"};
    command.insert(command.end(), more.begin(), more.end());
    const std::string log = directory.path(name + ".log");
    auto process = std::make_unique<ServerProcess>(command, log);
    await(
        "it answers", [&] { return ask(endpoint, {"PING"}).has_value(); }, *process, log);
    return process;
}

RedisSettings patientSettings() {
    RedisSettings settings;
    settings.timeout = 5s; // the machine may be busy
    return settings;
}

} // namespace

RedisClock::RedisClock(std::string path) : path_(std::move(path)) {
    writeFile(path_, std::string(sizeof(std::int64_t), '\0'));
    set(SteadyTime());
}

void RedisClock::set(SteadyTime time) const {
    constexpr std::chrono::seconds begin = std::chrono::hours(480'000); // in 2024
    const std::int64_t shown =
        (begin + std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch())).count();
    std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
    file.write(static_cast<const char*>(static_cast<const void*>(&shown)), sizeof shown);
    REQUIRE(file.flush());
}

RedisServer::RedisServer() : clock_(directory_.path("time")) {
    const std::string socket = directory_.path("redis.sock");
    process_ = start(directory_, clock_, "redis", {socket, "", 0}, {"--unixsocket", socket});
}

RedisSettings RedisServer::settings() const {
    RedisSettings settings = patientSettings();
    settings.path = directory_.path("redis.sock");
    return settings;
}

RedisBehindSentinel::RedisBehindSentinel() : clock_(directory_.path("time")), port_(freePort()) {
    const std::uint16_t serverPort = freePort();
    server_ = start(directory_, clock_, "redis", at(serverPort), {});
    const std::string config = directory_.path("sentinel.conf");
    writeFile(config,
              fmt::format("bind {}\nport {}\ndir {}\nsentinel monitor {} {} {} 1\n", loopback,
                          port_, directory_.path(), siteName, loopback, serverPort));
    const std::string log = directory_.path("sentinel.log");
    sentinel_ = std::make_unique<ServerProcess>(Words{serverProgram(), config, "--sentinel"}, log);
    const auto knowsMaster = [&] {
        return ask(at(port_), {"SENTINEL", "get-master-addr-by-name", siteName}).has_value();
    };
    await("the sentinel knows its master", knowsMaster, *sentinel_, log);
}

RedisSettings RedisBehindSentinel::settings() const {
    RedisSettings settings = patientSettings();
    settings.topology = RedisSettings::Topology::sentinel;
    settings.servers = {{loopback, port_}};
    settings.masterName = siteName;
    return settings;
}

RedisCluster::RedisCluster() : clock_(directory_.path("time")) {
    for (int i = 0; i < 3; ++i) {
        const std::uint16_t port = freePort();
        const std::uint16_t busPort = freePort();
        const std::string name = fmt::format("node{}", i);
        // its clock jumps by hours, for which a node takes no other for dead
        nodes_.push_back({port, busPort,
                          start(directory_, clock_, name, at(port),
                                {"--cluster-enabled", "yes", "--cluster-config-file",
                                 name + ".conf", "--cluster-port", std::to_string(busPort),
                                 "--cluster-node-timeout", "1000000000000"})});
    }
    join();
}

void RedisCluster::join() {
    constexpr std::size_t slots = 16384;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        REQUIRE(ask(at(nodes_[i].port),
                    {"CLUSTER", "ADDSLOTSRANGE", std::to_string(i * slots / nodes_.size()),
                     std::to_string((i + 1) * slots / nodes_.size() - 1)}));
        if (i > 0)
            REQUIRE(ask(at(nodes_.front().port),
                        {"CLUSTER", "MEET", loopback, std::to_string(nodes_[i].port),
                         std::to_string(nodes_[i].busPort)}));
    }
    // a node takes no commands in the first seconds by its clock
    std::chrono::seconds passed{0};
    const auto isReady = [&] {
        clock_.set(SteadyTime(++passed));
        return isComplete();
    };
    await("the cluster is complete", isReady, *nodes_.front().process,
          directory_.path("node0.log"));
}

bool RedisCluster::isComplete() const {
    return std::all_of(nodes_.begin(), nodes_.end(), [](const Node& node) {
        const auto reply = ask(at(node.port), {"CLUSTER", "INFO"});
        if (!reply)
            return false;
        const std::string_view info = reply->value().text().value_or("");
        return info.find("cluster_state:ok") != info.npos &&
               info.find("cluster_slots_ok:16384") != info.npos &&
               info.find("cluster_known_nodes:3") != info.npos;
    });
}

RedisSettings RedisCluster::settings() const {
    RedisSettings settings = patientSettings();
    settings.topology = RedisSettings::Topology::cluster;
    for (const Node& node : nodes_)
        settings.servers.push_back({loopback, node.port});
    return settings;
}

} // namespace sluice::test
