// SPDX-License-Identifier: BSD-2-Clause
//
// table-bench: writes a table of networks and one of addresses, a million entries each, reads them
// as the daemon does, and measures look-ups in them. Reports JSON. The tables stay in --directory,
// so that the daemon can be started with them.
//
#include "test/bench/bench_tables.hh"
#include "test/bench/percentile.hh"

#include <boost/program_options.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace sluice;
using bench::EntryMaker;
using bench::percentile;
using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;
namespace options = boost::program_options;

constexpr std::uint64_t lookupSeed = 7;
constexpr std::size_t batch = 16; // a clock reading costs a tenth of a look-up, spread over so many
constexpr std::size_t batches = 50'000;

template<typename T>
T valueOf(Result<T>&& result) {
    if (!result)
        throw std::runtime_error(result.error().message);
    if constexpr (!std::is_void_v<T>)
        return std::move(*result);
}

/// Median and 99th percentile of a look-up, each sample the mean of a batch.
template<typename Key, typename LookUp>
Json measure(const std::vector<Key>& keys, LookUp lookUp) {
    std::vector<double> nanoseconds;
    std::size_t found = 0;
    for (std::size_t first = 0; first + batch <= keys.size(); first += batch) {
        const auto start = Clock::now();
        for (std::size_t i = first; i < first + batch; ++i)
            found += lookUp(keys[i]) ? 1U : 0U;
        const std::chrono::duration<double, std::nano> took = Clock::now() - start;
        nanoseconds.push_back(took.count() / static_cast<double>(batch));
    }
    return {{"lookups", keys.size()},
            {"found", found},
            {"median_ns", percentile(nanoseconds, 50)},
            {"p99_ns", percentile(nanoseconds, 99)}};
}

template<typename Make>
auto manyKeys(Make make) {
    std::vector<decltype(make())> keys;
    keys.reserve(batch * batches);
    while (keys.size() < batch * batches)
        keys.push_back(make());
    return keys;
}

/// What `read` makes of the table, and how long it took.
template<typename Read>
auto timed(Json& json, Read read) {
    const auto start = Clock::now();
    auto set = valueOf(read());
    const std::chrono::duration<double> took = Clock::now() - start;
    json["read_seconds"] = took.count();
    json["entries"] = set.size();
    return set;
}

Json measureNetworks(const std::string& path, std::size_t entries) {
    Json json;
    valueOf(bench::writeNetworks(path, entries));
    const auto set = timed(json, [&] { return bench::readNetworks(path); });
    const auto clients =
        manyKeys([maker = EntryMaker(lookupSeed, entries)]() mutable { return maker.client(); });
    const CivilDay today = localDay(std::chrono::system_clock::now());
    json["contains"] = measure(clients, [&](const auto& key) { return set.contains(key, today); });
    json["find"] =
        measure(clients, [&](const auto& key) { return set.find(key, today).has_value(); });
    return json;
}

Json measurePatterns(const std::string& path, std::size_t entries) {
    Json json;
    valueOf(bench::writePatterns(path, entries));
    const auto set = timed(json, [&] { return bench::readPatterns(path); });
    const auto senders = manyKeys([maker = EntryMaker(lookupSeed, entries)]() mutable {
        return MailAddress::fromPath(maker.path());
    });
    const CivilDay today = localDay(std::chrono::system_clock::now());
    json["contains"] = measure(senders, [&](const auto& key) { return set.contains(key, today); });
    json["find"] =
        measure(senders, [&](const auto& key) { return set.find(key, today).has_value(); });
    return json;
}

int run(int argc, char** argv) {
    options::options_description known("table-bench: look-ups in large tables");
    auto add = known.add_options();
    add("help", "this text");
    add("directory", options::value<std::string>()->required(), "where the tables are written");
    add("entries", options::value<std::size_t>()->default_value(1'000'000), "a table");
    options::variables_map given;
    options::store(options::parse_command_line(argc, argv, known), given);
    if (given.count("help") != 0) {
        std::cout << known;
        return 0;
    }
    options::notify(given);
    const auto directory = given["directory"].as<std::string>();
    const auto entries = given["entries"].as<std::size_t>();
    if (entries == 0)
        throw std::runtime_error("--entries: at least 1");
    const Json json{{"networks", measureNetworks(directory + "/networks", entries)},
                    {"addresses", measurePatterns(directory + "/addresses", entries)}};
    std::cout << json.dump(2) << '\n';
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& problem) {
        std::cerr << "table-bench: " << problem.what() << '\n';
        return 2;
    }
}
