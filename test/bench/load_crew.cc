// SPDX-License-Identifier: BSD-2-Clause
#include "test/bench/load_crew.hh"

#include "test/bench/process_usage.hh"

#include <cstdint>
#include <latch>
#include <stdexcept>
#include <thread>
#include <utility>

namespace sluice::bench {

LoadCrew::LoadCrew(LoadPlan plan, std::optional<pid_t> filter)
    : plan_(std::move(plan)), filter_(filter), budget_(plan_) {
    for (std::uint64_t number = 0; number < plan_.connections; ++number)
        workers_.emplace_back(plan_, budget_,
                              number * plan_.messagesAConnection / plan_.connections);
    (void)cpuTime();
}

LoadTurn LoadCrew::takeTurn() {
    LoadTurn turn;
    turn.results.resize(workers_.size());
    std::latch begun(1);
    std::vector<std::thread> threads;
    threads.reserve(workers_.size());
    for (std::size_t i = 0; i < workers_.size(); ++i)
        threads.emplace_back([&, i] {
            begun.wait();
            turn.results[i] = workers_[i].takeTurn();
        });
    const auto cpuBefore = cpuTime();
    const auto start = std::chrono::steady_clock::now();
    budget_.beginTurn();
    begun.count_down();
    for (auto& thread : threads)
        thread.join();
    turn.took = std::chrono::steady_clock::now() - start;
    if (const auto cpuAfter = cpuTime())
        turn.cpu = *cpuAfter - *cpuBefore;
    return turn;
}

std::optional<std::chrono::nanoseconds> LoadCrew::cpuTime() const {
    if (!filter_)
        return std::nullopt;
    const auto used = cpuTimeOf(*filter_);
    if (!used)
        throw std::runtime_error(used.error().message);
    return *used;
}

} // namespace sluice::bench
