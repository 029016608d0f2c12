// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/store.hh"

#include <cstdint>
#include <functional>
#include <utility>

/// What every store must do, wherever it keeps its records.
namespace sluice::test {

/// The time by which a store goes. It never goes back.
class StoreClock {
public:
    /// `set` is called with each new time, for a store that has a clock of its own.
    explicit StoreClock(SteadyTime start, std::function<void(SteadyTime)> set = {})
        : now_(start), set_(std::move(set)) {
        to(start);
    }
    void to(SteadyTime time) {
        now_ = time;
        if (set_)
            set_(time);
    }
    void pass(std::chrono::seconds time) { to(now_ + time); }
    [[nodiscard]] SteadyTime now() const { return now_; }

private:
    SteadyTime now_;
    std::function<void(SteadyTime)> set_;
};

/// Different numbers have different keys, which look like hashes.
StoreKey keyOf(std::uint64_t number);
/// A message with its turn and copy.
EndOfMessageQuestion question(std::uint64_t number, std::uint64_t client = 1);

/// Takes some days of the clock. The store is empty before. `rounds` of messages are compared with
/// the simplest store.
void checkStore(Store& store, StoreClock& clock, int rounds = 20'000);

} // namespace sluice::test
