// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/redis_server.hh"

#include "milter/adapters/redis_connection.hh"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <thread>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

} // namespace

RedisServer::RedisServer() {
    writeFile(directory_.path("time"), std::string(sizeof(std::int64_t), '\0'));
    setTime(SteadyTime());
    const std::string socket = directory_.path("redis.sock");
    process_ = std::make_unique<ServerProcess>(
        std::vector<std::string>{
            "/usr/bin/env", std::string("LD_PRELOAD=") + SLUICE_FIXED_CLOCK_LIBRARY,
            "SLUICE_FIXED_CLOCK=" + directory_.path("time"), "/usr/bin/redis-server", "--port", "0",
            "--unixsocket", socket, "--dir", directory_.path(), "--save", "", "--appendonly", "no"},
        directory_.path("log"));
    const auto deadline = Clock::now() + 20s;
    for (;;) {
        REQUIRE_MESSAGE((process_->running() && Clock::now() < deadline),
                        readFile(directory_.path("log")));
        auto connection = RedisConnection::open({socket, "", 0}, {}, 0, false, deadline);
        if (connection && (*connection)->ask({"PING"}, deadline))
            return;
        std::this_thread::sleep_for(10ms);
    }
}

RedisSettings RedisServer::settings() const {
    RedisSettings settings;
    settings.path = directory_.path("redis.sock");
    settings.timeout = 5s; // the machine may be busy
    return settings;
}

void RedisServer::setTime(SteadyTime time) const {
    constexpr std::chrono::seconds begin = std::chrono::hours(480'000); // in 2024
    const std::int64_t shown =
        (begin + std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch())).count();
    std::fstream file(directory_.path("time"), std::ios::binary | std::ios::in | std::ios::out);
    file.write(static_cast<const char*>(static_cast<const void*>(&shown)), sizeof shown);
    REQUIRE(file.flush());
}

} // namespace sluice::test
