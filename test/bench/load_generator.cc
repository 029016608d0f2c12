// SPDX-License-Identifier: BSD-2-Clause
//
// milter-load: puts load on a milter over its socket, as an MTA would, and reports what came of it
// as JSON. Several filters take turns, in which the connections of all stay open. A turn is bounded
// by --seconds in any case; ends with status 1 when a filter broke off.
//
#include "test/bench/load_crew.hh"
#include "test/bench/load_plan.hh"
#include "test/bench/percentile.hh"

#include <boost/program_options.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <deque>
#include <iostream>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using sluice::bench::LoadCrew;
using sluice::bench::LoadPlan;
using sluice::bench::LoadResult;
using sluice::bench::LoadTurn;
using sluice::bench::percentile;
using Json = nlohmann::json;
using Texts = std::vector<std::string>;
using Processes = std::vector<pid_t>;
namespace options = boost::program_options;

constexpr double longestSeconds = 600;
constexpr unsigned mostConnections = 4096;

options::options_description description() {
    options::options_description all("milter-load: load for a milter");
    auto add = all.add_options();
    const auto number = [](std::uint64_t value) {
        return options::value<std::uint64_t>()->default_value(value);
    };
    add("help", "this text");
    add("socket", options::value<Texts>()->required(),
        "unix:PATH or inet:PORT@HOST; repeatable: these filters take turns");
    add("rounds", number(1), "turns of each filter");
    add("connections", number(1), "connections at the same time");
    add("messages-per-connection", number(100), "then the connection is closed and another made");
    add("messages", number(0), "how many in all; 0: as many as there is time for");
    add("seconds", options::value<double>()->default_value(10),
        "of a turn: no message starts later");
    add("answer-seconds", options::value<double>()->default_value(30),
        "an answer that takes longer ends the load");
    add("size", number(2048), "octets of the body");
    add("recipients-per-message", number(1), "recipients a message");
    add("clients", number(1000), "different client addresses, one a connection in turn");
    add("senders", number(1000), "different senders");
    add("recipients", number(1000), "different recipients");
    add("sender-domain", options::value<std::string>()->default_value("sender.example"),
        "senders are sender0@ to senderN@ this domain");
    add("recipient-domain", options::value<std::string>()->default_value("test.example"),
        "recipients are user0@ to userN@ this domain");
    add("pid", options::value<Processes>(),
        "the filter's process, whose CPU time is reported; as often as --socket");
    return all;
}

std::uint64_t positive(const options::variables_map& given, const char* name, std::uint64_t most) {
    const auto value = given[name].as<std::uint64_t>();
    if (value == 0 || value > most)
        throw std::runtime_error("--" + std::string(name) + ": 1 to " + std::to_string(most));
    return value;
}

std::chrono::milliseconds duration(const options::variables_map& given, const char* name) {
    const auto seconds = given[name].as<double>();
    if (!(seconds > 0 && seconds <= longestSeconds))
        throw std::runtime_error("--" + std::string(name) + ": up to 600");
    return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

LoadPlan planOf(const options::variables_map& given, const std::string& socket) {
    constexpr std::uint64_t any = std::numeric_limits<std::uint32_t>::max();
    constexpr std::uint64_t largestBody = std::uint64_t{64} << 20U;
    LoadPlan plan;
    plan.run = std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
    plan.socket = socket;
    plan.connections = static_cast<unsigned>(positive(given, "connections", mostConnections));
    plan.messagesAConnection = positive(given, "messages-per-connection", any);
    plan.messages = given["messages"].as<std::uint64_t>();
    plan.duration = duration(given, "seconds");
    plan.answerLimit = duration(given, "answer-seconds");
    plan.bodySize = std::min(given["size"].as<std::uint64_t>(), largestBody);
    plan.recipientsAMessage =
        static_cast<unsigned>(positive(given, "recipients-per-message", 1000));
    plan.clients = positive(given, "clients", any);
    plan.senders = positive(given, "senders", any);
    plan.recipients = positive(given, "recipients", any);
    plan.senderDomain = given["sender-domain"].as<std::string>();
    plan.recipientDomain = given["recipient-domain"].as<std::string>();
    return plan;
}

/// One for each --socket. They hold references into themselves, hence no vector.
std::deque<LoadCrew> crewsFor(const options::variables_map& given) {
    const auto& sockets = given["socket"].as<Texts>();
    const auto processes = given.count("pid") != 0 ? given["pid"].as<Processes>() : Processes{};
    if (!processes.empty() && processes.size() != sockets.size())
        throw std::runtime_error("--pid: as often as --socket");
    std::deque<LoadCrew> crews;
    for (std::size_t i = 0; i < sockets.size(); ++i)
        crews.emplace_back(planOf(given, sockets[i]),
                           processes.empty() ? std::nullopt : std::optional(processes[i]));
    return crews;
}

Json negotiatedBy(const std::vector<LoadResult>& results) {
    for (const auto& result : results) {
        if (result.negotiated)
            return {{"steps", result.negotiated->steps}, {"actions", result.negotiated->actions}};
    }
    return nullptr;
}

Json report(const LoadTurn& turn) {
    std::vector<std::uint32_t> latencies;
    std::map<std::string, std::uint64_t> replies;
    Json json{{"troubles", Json::array()}};
    for (const auto& result : turn.results) {
        latencies.insert(latencies.end(), result.latencies.begin(), result.latencies.end());
        for (const auto& [reply, count] : result.replies)
            replies[reply] += count;
        if (result.trouble)
            json["troubles"].push_back(*result.trouble);
    }
    const auto messages = static_cast<double>(latencies.size());
    json["messages"] = latencies.size();
    json["seconds"] = turn.took.count();
    json["messages_per_second"] = messages / turn.took.count();
    json["p50_us"] = percentile(latencies, 50);
    json["p99_us"] = percentile(latencies, 99);
    json["replies"] = replies;
    json["negotiated"] = negotiatedBy(turn.results);
    if (turn.cpu)
        json["cpu_us_per_message"] =
            std::chrono::duration<double, std::micro>(*turn.cpu).count() / std::max(1.0, messages);
    return json;
}

/// Reports of each filter, in the order of --socket. Each round begins with the filter that was
/// last in the one before. Ends early with a turn that had trouble.
std::vector<std::vector<Json>> takeTurns(std::deque<LoadCrew>& crews, std::uint64_t rounds) {
    std::vector<std::vector<Json>> reports(crews.size());
    for (std::uint64_t round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < crews.size(); ++i) {
            const auto which = round % 2 == 0 ? i : crews.size() - 1 - i;
            reports[which].push_back(report(crews[which].takeTurn()));
            if (!reports[which].back()["troubles"].empty())
                return reports;
        }
    }
    return reports;
}

bool isInOrder(const std::vector<std::vector<Json>>& reports) {
    return std::all_of(reports.begin(), reports.end(), [](const auto& turns) {
        return std::all_of(turns.begin(), turns.end(),
                           [](const Json& turn) { return turn["troubles"].empty(); });
    });
}

int run(int argc, char** argv) {
    constexpr std::uint64_t mostRounds = 10'000;
    const auto known = description();
    options::variables_map given;
    options::store(options::parse_command_line(argc, argv, known), given);
    if (given.count("help") != 0) {
        std::cout << known;
        return 0;
    }
    options::notify(given);
    auto crews = crewsFor(given);
    const auto rounds = positive(given, "rounds", mostRounds);
    const auto reports = takeTurns(crews, rounds);
    const bool isOne = crews.size() == 1 && rounds == 1;
    const Json json = isOne ? reports.front().front() : Json{{"filters", reports}};
    std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    return isInOrder(reports) ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    try {
        (void)std::signal(SIGPIPE, SIG_IGN);
        return run(argc, argv);
    } catch (const std::exception& problem) {
        std::cerr << "milter-load: " << problem.what() << '\n';
        return 2;
    }
}
