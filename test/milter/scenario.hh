// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>
#include <vector>

namespace sluice::test {

/// A line of a scenario whose outcome was not the one written behind `=>`.
struct ScenarioFailure {
    std::string place; ///< FILE:LINE and the line
    std::string expected;
    std::string found;
};

/// Replays a scenario file against the real policy with the real configuration reader; DNS and
/// directory are what the file says. The language is described in test/scenarios/README.
/// `checked` counts the outcomes compared.
std::vector<ScenarioFailure> replayScenario(const std::string& path, std::size_t& checked);

} // namespace sluice::test
