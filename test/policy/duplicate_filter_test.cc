// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/duplicate_filter.hh"
#include "test/support/capture_value.hh"

#include <doctest/doctest.h>

#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

TEST_CASE("duplicates: what is dropped in which mode") {
    struct Case {
        DuplicateMode mode;
        std::uint32_t before;
        std::uint32_t lost;
        bool drop;
    };
    const Case cases[] = {
        {DuplicateMode::off, 9, 9, false},        {DuplicateMode::alert, 9, 9, false},
        {DuplicateMode::evidence, 0, 0, false},   {DuplicateMode::evidence, 0, 2, false},
        {DuplicateMode::evidence, 100, 0, false}, {DuplicateMode::evidence, 100, 1, false},
        {DuplicateMode::evidence, 2, 2, true},    {DuplicateMode::evidence, 2, 3, true},
        {DuplicateMode::always, 0, 0, false},     {DuplicateMode::always, 1, 0, true},
    };
    for (const auto& [mode, before, lost, drop] : cases) {
        CAPTURE_VALUE(static_cast<int>(mode));
        CAPTURE_VALUE(before);
        CAPTURE_VALUE(lost);
        const auto decision = judgeCopy(mode, {before, lost, 1, 300s});
        CHECK(decision.drop == drop);
        CHECK(decision.reason.empty() == !drop);
    }
}

/// The numbers of the copies, from 0, that alert.
std::vector<std::size_t> alerts(DuplicateMode mode, const std::vector<seconds>& ages) {
    std::vector<std::size_t> found;
    CopyState state;
    for (std::size_t copy = 0; copy < ages.size(); ++copy)
        if (judgeCopy(mode, advance(state, ages[copy])).alert)
            found.push_back(copy);
    return found;
}

TEST_CASE("duplicates: the fourth nearly constant interval alerts, once") {
    using Copies = std::vector<std::size_t>;
    const std::vector<seconds> constant{0s, 300s, 301s, 299s, 300s, 300s, 300s};
    CHECK(alerts(DuplicateMode::evidence, constant) == Copies{4});
    CHECK(alerts(DuplicateMode::always, constant) == Copies{4});
    CHECK(alerts(DuplicateMode::alert, constant) == Copies{4});
    CHECK(alerts(DuplicateMode::off, constant).empty());
    // a queue backs off
    CHECK(alerts(DuplicateMode::evidence, {0s, 300s, 600s, 1200s, 2400s, 4000s}).empty());
    // and then repeats each 4000 s: that is constant, and worth a look
    CHECK(alerts(DuplicateMode::evidence, {0s, 2400s, 4000s, 4000s, 4000s, 4000s, 4000s}) ==
          Copies{5});
    // what breaks the row begins a new one
    CHECK(alerts(DuplicateMode::evidence, {0s, 60s, 60s, 60s, 600s, 600s, 600s, 600s}) ==
          Copies{7});
    // slowly growing intervals are no constant ones
    CHECK(alerts(DuplicateMode::evidence, {0s, 100s, 109s, 118s, 127s, 136s, 145s}).empty());
}

TEST_CASE("duplicates: copies are counted") {
    CopyState state;
    CHECK(advance(state, 0s).before == 0);
    CHECK(advance(state, 5s).before == 1);
    state.lost = 2;
    const auto third = advance(state, 5s);
    CHECK(third.before == 2);
    CHECK(third.lost == 2);
    CHECK(third.interval == 5s);
    CHECK(third.constantIntervals == 2);
}

TEST_CASE("duplicates: silence") {
    CHECK_FALSE(acknowledgementLost(0ms, 30s));
    CHECK_FALSE(acknowledgementLost(29'999ms, 30s));
    CHECK(acknowledgementLost(30s, 30s));
    CHECK(duplicateAdvice.find("firewall") != std::string_view::npos);
}

} // namespace
} // namespace sluice
