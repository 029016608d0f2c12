// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "test/bench/load_plan.hh"
#include "test/bench/load_worker.hh"

#include <sys/types.h>

#include <chrono>
#include <deque>
#include <optional>
#include <vector>

namespace sluice::bench {

/// What came of one turn.
struct LoadTurn {
    std::vector<LoadResult> results; ///< a worker each
    std::chrono::duration<double> took{};
    std::optional<std::chrono::nanoseconds> cpu; ///< of the filter, where its process is known
};

/// All workers of one filter. Their connections stay open from one turn to the next, so that
/// filters can take many short turns.
class LoadCrew {
public:
    /// `filter`: the process whose CPU time is told.
    LoadCrew(LoadPlan plan, std::optional<pid_t> filter);

    /// Load for as long as the plan says, and until the last message is answered. Throws
    /// runtime_error when the process of the filter is not there.
    LoadTurn takeTurn();

private:
    [[nodiscard]] std::optional<std::chrono::nanoseconds> cpuTime() const;

    const LoadPlan plan_;
    const std::optional<pid_t> filter_;
    LoadBudget budget_;
    std::deque<LoadWorker> workers_;
};

} // namespace sluice::bench
