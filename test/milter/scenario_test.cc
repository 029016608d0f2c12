// SPDX-License-Identifier: BSD-2-Clause
#include "test/milter/scenario.hh"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace {

std::vector<std::string> scenarioFiles() {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::directory_iterator(SLUICE_SCENARIOS))
        if (entry.path().extension() == ".scenario")
            paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    return paths;
}

} // namespace

TEST_CASE("the policy decides as the scenarios say") {
    const auto paths = scenarioFiles();
    REQUIRE(paths.size() >= 4);
    for (const std::string& path : paths) {
        std::size_t checked = 0;
        for (const auto& failure : sluice::test::replayScenario(path, checked)) {
            INFO(failure.place);
            CHECK(failure.found == failure.expected);
        }
        INFO(path);
        CHECK(checked > 5);
    }
}
