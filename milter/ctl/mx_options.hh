// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/ctl/mx_round.hh"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace sluice::ctl {

struct MxOptions {
    std::vector<std::string> domains; ///< canonical, each once
    MxSettings settings;
    bool json = false;
    std::optional<std::chrono::milliseconds> watch; ///< from one round to the next
};

constexpr std::size_t mostMxDomains = 100;
constexpr std::chrono::milliseconds usualMxInterval{60'000};

/// The words behind `sluicectl mx`. Error: what is wrong with them.
Result<MxOptions> readMxOptions(const std::vector<std::string>& arguments);

} // namespace sluice::ctl
