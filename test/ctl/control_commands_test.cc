// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/bounces_command.hh"
#include "milter/ctl/loops_command.hh"
#include "milter/ctl/reload_command.hh"
#include "milter/ctl/status_command.hh"
#include "test/support/capture_value.hh"
#include "test/support/control_server.hh"

#include <doctest/doctest.h>
#include <sysexits.h>

#include <mutex>
#include <sstream>
#include <string>
#include <vector>

using namespace sluice;
using nlohmann::json;

namespace {

struct Ran {
    int status;
    std::string out;
    std::string err;
};

Ran run(const ctl::Command& command, std::vector<std::string> arguments, const std::string& path) {
    std::ostringstream out;
    std::ostringstream err;
    arguments.insert(arguments.end(), {"--control", path});
    const int status = command.run(arguments, out, err);
    return {status, out.str(), err.str()};
}

json entry(const std::string& id, const std::string& label, int count) {
    return {{"id", id},
            {"label", label},
            {"count", count},
            {"first_seconds_ago", 7300},
            {"last_seconds_ago", 5},
            {"remaining_seconds", 600}};
}

/// Answers like a filter, and remembers what it was asked.
class Filter {
public:
    control::Reply operator()(const control::Request& request) {
        const std::lock_guard guard(mutex_);
        requests.push_back(request);
        if (request.command == "loops")
            return {"", json::array({entry("0a", "<a@x> to <\x1b[31mb@y>", 12), 3})};
        if (request.command == "blocks" || request.command == "bounces")
            return {"", json::array({entry("0b", "list@x dead@y", 3)})};
        if (request.command.ends_with(" clear"))
            return {"", {{"cleared", 2}}};
        if (request.command == "status")
            return {"", {{"version", "1.2"}, {"pid", 7}, {"uptime_seconds", 200}}};
        return {"no:\nfile:3: bad \x1b"};
    }

    std::vector<control::Request> requests;

private:
    std::mutex mutex_;
};

} // namespace

TEST_CASE("words that the commands of the control socket do not know") {
    for (const auto& [command, words] :
         std::vector<std::pair<const ctl::Command*, std::vector<std::string>>>{
             {&ctl::statusCommand, {"now"}},
             {&ctl::statusCommand, {"--jsonn"}},
             {&ctl::reloadCommand, {"all"}},
             {&ctl::loopsCommand, {"clean"}},
             {&ctl::loopsCommand, {"clear"}},
             {&ctl::loopsCommand, {"clear", "a", "b"}},
             {&ctl::bouncesCommand, {"a@x", "b@x"}},
             {&ctl::bouncesCommand, {"clear"}},
             {&ctl::bouncesCommand, {"--all"}},
         }) {
        CAPTURE_VALUE(words);
        const Ran ran = run(*command, words, "/nonexistent");
        CHECK(ran.status == EX_USAGE);
        CHECK(ran.err.find(command->name) != std::string::npos);
    }
    std::ostringstream out;
    CHECK(ctl::statusCommand.run({"--control"}, out, out) == EX_USAGE);
}

TEST_CASE("without a filter the commands say where they looked") {
    for (const auto* command :
         {&ctl::statusCommand, &ctl::reloadCommand, &ctl::loopsCommand, &ctl::bouncesCommand}) {
        const Ran ran = run(*command, {}, "/nonexistent/control.sock");
        CHECK(ran.status == EX_UNAVAILABLE);
        CHECK(ran.err.find("/nonexistent/control.sock: No such file") != std::string::npos);
    }
    CHECK(run(ctl::statusCommand, {}, std::string(200, 'x')).status == EX_UNAVAILABLE);
}

TEST_CASE("loops and bounces, for people and for programs") {
    Filter filter;
    const test::ControlServer server(
        [&](const control::Request& request) { return filter(request); });
    const Ran loops = run(ctl::loopsCommand, {}, server.path());
    CHECK(loops.status == EX_OK);
    CHECK(loops.out == "<a@x> to <\\x1B[31mb@y>: 12 cut, first 2h ago, last 5s ago [0a]\n"
                       "list@x dead@y: put off for 10m [0b]\n");
    const Ran asJson = run(ctl::loopsCommand, {"--json"}, server.path());
    CHECK(json::parse(asJson.out)["blocks"][0]["count"] == 3);
    const Ran bounces = run(ctl::bouncesCommand, {"List@x"}, server.path());
    CHECK(bounces.out == "list@x dead@y: 3 failed, first 2h ago, last 5s ago [0b]\n");
    CHECK(filter.requests.back() == control::Request{"bounces", {{"list", "List@x"}}});
}

TEST_CASE("clear asks for one entry, or for all of both books") {
    Filter filter;
    const test::ControlServer server(
        [&](const control::Request& request) { return filter(request); });
    CHECK(run(ctl::loopsCommand, {"clear", "0a"}, server.path()).out == "4 cleared\n");
    CHECK(run(ctl::bouncesCommand, {"clear", "--all"}, server.path()).out == "2 cleared\n");
    CHECK(filter.requests == std::vector<control::Request>{{"loops clear", {{"id", "0a"}}},
                                                           {"blocks clear", {{"id", "0a"}}},
                                                           {"bounces clear", {}}});
}

TEST_CASE("a refused reload has each mistake on a line, and status 78") {
    Filter filter;
    const test::ControlServer server(
        [&](const control::Request& request) { return filter(request); });
    const Ran ran = run(ctl::reloadCommand, {}, server.path());
    CHECK(ran.status == EX_CONFIG);
    CHECK(ran.out.empty());
    CHECK(ran.err == "sluicectl reload: no:\nsluicectl reload: file:3: bad \\x1B\n");
}

TEST_CASE("status shows what it knows") {
    Filter filter;
    const test::ControlServer server(
        [&](const control::Request& request) { return filter(request); });
    const Ran ran = run(ctl::statusCommand, {}, server.path());
    CHECK(ran.status == EX_OK);
    CHECK(ran.out.starts_with("sluice-milter 1.2, process 7, up 3m, mode ?\n"));
}

TEST_CASE("status tells what is out of order, why, since when and until when") {
    const json status{
        {"version", "1.2"},
        {"config", "/etc/\x1b.conf"},
        {"rates",
         {{"messages_minute", 1},
          {"refusals_minute", 2},
          {"messages_hour", 3},
          {"refusals_hour", 4}}},
        {"store",
         {{"url", "redis://h:1/0"},
          {"available", false},
          {"nodes",
           {{{"address", "h:1"},
             {"available", false},
             {"reason", "refused \x1b"},
             {"unavailable_seconds", 130},
             {"next_try_seconds", 1}},
            {{"address", "h:2"}, {"available", true}},
            7}}}},
        {"dnsbl",
         {{{"zone", "bl.example"},
           {"queries", 9},
           {"suspended_ipv4", "lists the world"},
           {"suspended_ipv4_seconds", 7200},
           {"probe_ipv4_seconds", 60},
           {"suspended_ipv6", ""}},
          {{"zone", "other.example"}, {"suspended_ipv6", "missing"}}}},
    };
    const test::ControlServer server([&](const control::Request& /*unused*/) {
        return control::Reply{"", status};
    });
    const Ran ran = run(ctl::statusCommand, {}, server.path());
    CHECK(ran.status == EX_OK);
    for (const char* const line :
         {"configuration /etc/\\x1B.conf\n",
          "last minute: 1 messages, 2 refusals; last hour: 3 messages, 4 refusals\n",
          "store redis://h:1/0, unavailable: this node counts for itself\n"
          "  h:1 unavailable for 2m: refused \\x1B; next try in 1s\n"
          "  h:2 available\n",
          "DNSBL bl.example: 9 queries, ? listed, ? not, ? unknown, ? errors\n"
          "  suspended for 2h: lists the world; next probe in 60s\n"
          "DNSBL other.example: ",
          "  suspended for IPv6 clients for ?: missing; next probe in ?\n"}) {
        CAPTURE(std::string(line));
        CHECK(ran.out.find(line) != std::string::npos);
    }
    CHECK(json::parse(run(ctl::statusCommand, {"--json"}, server.path()).out) == status);
}
