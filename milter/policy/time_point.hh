// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/civil_day.hh"

#include <chrono>

namespace sluice {

using SteadyTime = std::chrono::steady_clock::time_point;

/// The time of a decision, given to the policy by whoever asks: the policy has no clock.
struct Now {
    SteadyTime steady;
    CivilDay today;
};

} // namespace sluice
