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

TEST_CASE("zones that their provider hides are one") {
    LookupCounts counts;
    CHECK(counts.since({zone("p", 1000, 10), zone("p", 1000, 400)}) ==
          std::vector<ZoneCounts>{{"p", 2000, 410, 0, 0}});
    CHECK(counts.since({zone("p", 1100, 11), zone("p", 1000, 401)}) ==
          std::vector<ZoneCounts>{{"p", 100, 2, 0, 0}});
}

TEST_CASE("an answer that comes after its look-up was told") {
    LookupCounts counts;
    CHECK(counts.since({zone("a", 1, 0)}).size() == 1);
    CHECK(counts.since({zone("a", 1, 1)}) == std::vector<ZoneCounts>{{"a", 0, 1, 0, 0}});
}

TEST_CASE("a zone that is gone for a while begins anew") {
    LookupCounts counts;
    CHECK(counts.since({zone("a", 9, 9)}).size() == 1);
    CHECK(counts.since({}).empty());
    CHECK(counts.since({zone("a", 1, 1)}) == std::vector<ZoneCounts>{{"a", 1, 1, 0, 0}});
}

} // namespace
} // namespace sluice
