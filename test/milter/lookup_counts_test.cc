// SPDX-License-Identifier: BSD-2-Clause
#include "milter/lookup_counts.hh"

#include <doctest/doctest.h>

namespace sluice {
namespace {

DnsblZoneStatus zone(std::string name, std::uint64_t queries, std::uint64_t listed) {
    DnsblZoneStatus zone;
    zone.zone = std::move(name);
    zone.queries = queries;
    zone.listed = listed;
    return zone;
}

TEST_CASE("what came since the last time") {
    LookupCounts counts;
    CHECK(counts.since({}).empty());
    CHECK(counts.since({zone("a", 5, 1), zone("b", 0, 0)}) ==
          std::vector<ZoneCounts>{{"a", 5, 1, 0, 0}});
    CHECK(counts.since({zone("a", 5, 1), zone("b", 0, 0)}).empty());
    CHECK(counts.since({zone("a", 9, 1), zone("b", 2, 2)}) ==
          std::vector<ZoneCounts>{{"a", 4, 0, 0, 0}, {"b", 2, 2, 0, 0}});
}

} // namespace
} // namespace sluice
