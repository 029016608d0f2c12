// SPDX-License-Identifier: BSD-2-Clause
//
// milter-load: puts load on a milter over its socket, as an MTA would, and reports what came of it
// as JSON. Bounded by --seconds in any case; ends with status 1 when the filter broke off.
//
#include "test/bench/load_plan.hh"
#include "test/bench/load_worker.hh"
#include "test/bench/percentile.hh"
#include "test/bench/process_usage.hh"

#include <boost/program_options.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iostream>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using sluice::bench::cpuTimeOf;
using sluice::bench::LoadBudget;
using sluice::bench::LoadPlan;
using sluice::bench::LoadResult;
using sluice::bench::LoadWorker;
using sluice::bench::percentile;
using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;
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
    add("socket", options::value<std::string>()->required(), "unix:PATH or inet:PORT@HOST");
    add("connections", number(1), "connections at the same time");
    add("messages-per-connection", number(100), "then the connection is closed and another made");
    add("messages", number(0), "how many in all; 0: as many as there is time for");
    add("seconds", options::value<double>()->default_value(10), "no message starts later");
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
    add("pid", options::value<pid_t>(), "the filter's process, whose CPU time is reported");
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

LoadPlan planOf(const options::variables_map& given) {
    constexpr std::uint64_t any = std::numeric_limits<std::uint32_t>::max();
    constexpr std::uint64_t largestBody = std::uint64_t{64} << 20U;
    LoadPlan plan;
    plan.run = std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
    plan.socket = given["socket"].as<std::string>();
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

std::vector<LoadResult> runAll(const LoadPlan& plan) {
    LoadBudget budget(plan);
    std::vector<LoadResult> results(plan.connections);
    std::vector<std::thread> threads;
    threads.reserve(plan.connections);
    for (auto& result : results)
        threads.emplace_back([&] { result = LoadWorker(plan, budget).run(); });
    for (auto& thread : threads)
        thread.join();
    return results;
}

Json negotiatedBy(const std::vector<LoadResult>& results) {
    for (const auto& result : results) {
        if (result.negotiated)
            return {{"steps", result.negotiated->steps}, {"actions", result.negotiated->actions}};
    }
    return nullptr;
}

Json report(const std::vector<LoadResult>& results, std::chrono::duration<double> took) {
    std::vector<std::uint32_t> latencies;
    std::map<std::string, std::uint64_t> replies;
    Json json{{"troubles", Json::array()}};
    for (const auto& result : results) {
        latencies.insert(latencies.end(), result.latencies.begin(), result.latencies.end());
        for (const auto& [reply, count] : result.replies)
            replies[reply] += count;
        if (result.trouble)
            json["troubles"].push_back(*result.trouble);
    }
    json["messages"] = latencies.size();
    json["seconds"] = took.count();
    json["messages_per_second"] = static_cast<double>(latencies.size()) / took.count();
    json["p50_us"] = percentile(latencies, 50);
    json["p99_us"] = percentile(latencies, 99);
    json["replies"] = replies;
    json["negotiated"] = negotiatedBy(results);
    return json;
}

/// The CPU time of the filter, where it is asked for.
class CpuMeter {
public:
    explicit CpuMeter(const options::variables_map& given) {
        if (given.count("pid") != 0)
            process_ = given["pid"].as<pid_t>();
        start_ = read();
    }
    void addTo(Json& json) const {
        if (!process_)
            return;
        const std::chrono::duration<double, std::micro> used = read() - start_;
        json["cpu_us_per_message"] = used.count() / std::max(1.0, json["messages"].get<double>());
    }

private:
    [[nodiscard]] std::chrono::milliseconds read() const {
        if (!process_)
            return {};
        const auto used = cpuTimeOf(*process_);
        if (!used)
            throw std::runtime_error(used.error().message);
        return *used;
    }

    std::optional<pid_t> process_;
    std::chrono::milliseconds start_{};
};

int run(int argc, char** argv) {
    const auto known = description();
    options::variables_map given;
    options::store(options::parse_command_line(argc, argv, known), given);
    if (given.count("help") != 0) {
        std::cout << known;
        return 0;
    }
    options::notify(given);
    const auto plan = planOf(given);
    const CpuMeter meter(given);
    const auto start = Clock::now();
    const auto results = runAll(plan);
    auto json = report(results, Clock::now() - start);
    meter.addTo(json);
    std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    return json["troubles"].empty() ? 0 : 1;
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
