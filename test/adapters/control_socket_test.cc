// SPDX-License-Identifier: BSD-2-Clause
#include "common/descriptor.hh"
#include "common/line_io.hh"
#include "milter/adapters/control_socket.hh"
#include "test/support/control_server.hh"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace sluice;
using namespace std::chrono_literals;
using test::ControlServer;

namespace {

constexpr std::chrono::seconds ample{20};

Descriptor connected(const ControlServer& server) {
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = ControlServer::addressOf(server.path());
    REQUIRE(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
            0);
    return socket;
}

/// The line that comes for these octets; "" for none.
std::string answerTo(const ControlServer& server, const std::string& octets) {
    const Descriptor socket = connected(server);
    static_cast<void>(writeAll(socket.get(), octets, ample));
    return readLine(socket.get(), control::longestReply, ample).value_or("");
}

control::Reply echo(const control::Request& request) {
    if (request.command == "throw")
        throw std::runtime_error("thrown");
    return {"", request.command};
}

} // namespace

TEST_CASE("control: a request has its reply, and a bad one an error") {
    const ControlServer server(echo);
    CHECK(answerTo(server, "{\"command\":\"a\"}\n") == R"({"result":"a"})");
    CHECK(answerTo(server, "{\"command\":\"throw\"}\n") == R"({"error":"thrown"})");
    CHECK(answerTo(server, "nonsense\n") == R"({"error":"a request is a JSON object"})");
    CHECK(answerTo(server, "\n") == R"({"error":"a request is a JSON object"})");
}

TEST_CASE("control: what is too long or breaks off has no reply, and the next has one") {
    const ControlServer server(echo);
    CHECK(answerTo(server, std::string(control::longestRequest + 1, 'x')).empty());
    {
        const Descriptor gone = connected(server);
        static_cast<void>(writeAll(gone.get(), "{\"comm", ample));
    }
    {
        const Descriptor deaf = connected(server);
        static_cast<void>(writeAll(deaf.get(), "{\"command\":\"a\"}\n", ample));
    }
    CHECK(answerTo(server, "{\"command\":\"b\"}\n") == R"({"result":"b"})");
}

TEST_CASE("control: a client that says nothing holds the others up for a bounded time") {
    const ControlServer server(echo, 200ms);
    const Descriptor silent = connected(server);
    CHECK(answerTo(server, "{\"command\":\"a\"}\n") == R"({"result":"a"})");
    const auto nothing = readLine(silent.get(), 1, ample);
    REQUIRE_FALSE(nothing);
    CHECK(nothing.error().message == "the connection ended in the middle of a line");
}

TEST_CASE("control: many clients at once are answered one after the other") {
    std::atomic<int> running{0};
    std::atomic<int> most{0};
    const ControlServer server([&](const control::Request& request) {
        most = std::max(most.load(), ++running);
        std::this_thread::yield();
        --running;
        return control::Reply{"", request.command};
    });
    std::vector<std::thread> clients;
    std::atomic<int> answered{0};
    for (int client = 0; client < 8; ++client)
        clients.emplace_back([&] {
            for (int round = 0; round < 20; ++round)
                if (answerTo(server, "{\"command\":\"a\"}\n") == R"({"result":"a"})")
                    ++answered;
        });
    for (std::thread& client : clients)
        client.join();
    CHECK(answered == 8 * 20);
    CHECK(most == 1);
}
