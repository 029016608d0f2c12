// SPDX-License-Identifier: BSD-2-Clause
#include "common/tracking_file_name.hh"

#include <doctest/doctest.h>

#include <string>

namespace sluice {
namespace {

TEST_CASE("names that are no log of a day") {
    for (const char* const name :
         {"", "t", "t.", "t.2026-01-0", "t.2026-13-02", "t.2026-01-02z", "t.2026-01-02.",
          "u.2026-01-02", "tt.2026-01-02", "t.2026-01-02.x", "t.2026-01-02.-1", "t.2026-01-02.1.2",
          "t.2026-01-02.xz", "t.2026-01-02.gz.gz", "t.2026-01-02.99999999999999999999",
          "t2026-01-02", "t.2026-01-02gz"}) {
        CAPTURE(std::string(name));
        CHECK_FALSE(parseTrackingFileName(name, "t"));
    }
}

TEST_CASE("the log of a day, one of several, and compressed") {
    struct {
        const char* name;
        std::uint64_t number;
        bool compressed;
    } const cases[] = {{"t.2026-01-02", 0, false},
                       {"t.2026-01-02.gz", 0, true},
                       {"t.2026-01-02.7", 7, false},
                       {"t.2026-01-02.12.gz", 12, true}};
    for (const auto& each : cases) {
        CAPTURE(std::string(each.name));
        const auto found = parseTrackingFileName(each.name, "t");
        REQUIRE(found);
        CHECK(found->day == parseCivilDay("2026-01-02").value());
        CHECK(found->number == each.number);
        CHECK(found->compressed == each.compressed);
    }
}

} // namespace
} // namespace sluice
