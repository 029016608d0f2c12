// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/ports.hh"
#include "test/support/store_suite.hh"

#include <chrono>
#include <functional>
#include <memory>

/// What every counter of unknown recipients must do, wherever it counts.
namespace sluice::test {

using MakeHarvestCounter =
    std::function<std::shared_ptr<HarvestCounter>(std::chrono::milliseconds window)>;

/// Takes some days of the clock. Nothing is counted before.
void checkHarvestCounter(const MakeHarvestCounter& make, StoreClock& clock);

} // namespace sluice::test
