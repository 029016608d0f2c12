// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/dnsbl_health.hh"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using Kind = SelfTestResult::Kind;
using Change = DnsblHealth::Change;
using Status = DnsblAnswer::Status;

const DnsblAnswer listed{Status::answered, {0x7f000002}};
const DnsblAnswer refusedByProvider{Status::answered, {0x7ffffffe}};
const DnsblAnswer outside{Status::answered, {0xc0000201}};
const DnsblAnswer notListed{Status::notListed, {}};
const DnsblAnswer unknown{Status::unknown, {}};

SteadyTime at(std::chrono::milliseconds sinceBeginning) {
    return SteadyTime(sinceBeginning);
}

TEST_CASE("the test asks for the entries of RFC 5782 section 5") {
    DnsblZone zone;
    zone.name = "bl.example";
    const auto v4 = SelfTestNames::of(zone, IpFamily::v4);
    CHECK(v4.mustBeListed == "2.0.0.127.bl.example.");
    CHECK(v4.mustNotBeListed == "1.0.0.127.bl.example.");
    const auto v6 = SelfTestNames::of(zone, IpFamily::v6);
    CHECK(v6.mustBeListed ==
          "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bl.example.");
    CHECK(v6.mustNotBeListed ==
          "1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bl.example.");
}

TEST_CASE("what the two answers say about the list") {
    struct Row {
        DnsblAnswer good;
        DnsblAnswer bad;
        Kind kind;
    };
    for (const auto& [good, bad, kind] : std::vector<Row>{
             {listed, listed, Kind::listsWorld},
             {unknown, listed, Kind::listsWorld},
             {notListed, listed, Kind::listsWorld},
             {notListed, notListed, Kind::missing},
             {notListed, unknown, Kind::missing},
             {notListed, refusedByProvider, Kind::missing},
             {unknown, unknown, Kind::inconclusive},
             {unknown, notListed, Kind::inconclusive},
             {listed, unknown, Kind::inconclusive},
             {refusedByProvider, refusedByProvider, Kind::inconclusive},
             {listed, refusedByProvider, Kind::inconclusive},
             {outside, outside, Kind::inconclusive},
             {listed, notListed, Kind::passed},
         }) {
        const auto result = SelfTestResult::judge(good, bad, {}, IpFamily::v4);
        CHECK(static_cast<int>(result.kind) == static_cast<int>(kind));
        CHECK(result.reason.empty() == (kind == Kind::passed));
    }
    CHECK(SelfTestResult::judge(listed, listed, {}, IpFamily::v4).reason ==
          "lists the world: 127.0.0.1 is listed");
    CHECK(SelfTestResult::judge(notListed, notListed, {}, IpFamily::v6).reason ==
          "test entry ::ffff:127.0.0.2 is missing");
    // a code in errors= is no listing here either
    CHECK(SelfTestResult::judge(listed, listed, {{0x7f000002, 0x7f000002}}, IpFamily::v4).kind ==
          Kind::inconclusive);
}

TEST_CASE("two failures in a row suspend, a pass lifts it") {
    DnsblHealth health{SelfTestSchedule{}};
    const SelfTestResult missing{Kind::missing, "x"};
    const SelfTestResult world{Kind::listsWorld, "x"};
    const SelfTestResult passed{Kind::passed, ""};

    CHECK(health.nextTest() == SteadyTime{});
    CHECK(health.record(missing, at(100s)) == Change::none);
    CHECK_FALSE(health.suspended());
    CHECK(health.nextTest() <= at(102s)); // a failed test is repeated within 2 s
    CHECK(health.record(world, at(101s)) == Change::suspended);
    CHECK(health.suspended());
    CHECK(health.record(world, at(103s)) == Change::none);
    CHECK(health.suspended());
    CHECK(health.suspendedSince() == at(101s));
    CHECK(health.record(passed, at(110s)) == Change::recovered);
    CHECK_FALSE(health.suspended());
    CHECK(health.nextTest() == at(110s + 10min));

    // the failures of before do not count any more
    CHECK(health.record(missing, at(20min)) == Change::none);
    CHECK(health.record(passed, at(20min + 1s)) == Change::none);
    CHECK(health.record(missing, at(40min)) == Change::none);
    CHECK_FALSE(health.suspended());
}

TEST_CASE("a suspended list is probed with a back-off from 2 s to 10 min") {
    DnsblHealth health{SelfTestSchedule{}};
    const SelfTestResult missing{Kind::missing, "x"};
    (void)health.record(missing, at(0s));
    std::vector<std::chrono::milliseconds> pauses;
    for (int i = 0; i < 12; ++i) {
        (void)health.record(missing, at(0s));
        pauses.push_back(
            std::chrono::duration_cast<std::chrono::milliseconds>(health.nextTest() - at(0s)));
    }
    CHECK(pauses == std::vector<std::chrono::milliseconds>{2s, 4s, 8s, 16s, 32s, 64s, 128s, 256s,
                                                           512s, 600s, 600s, 600s});
}

TEST_CASE("a test without an answer changes nothing and is repeated with the same back-off") {
    const SelfTestResult missing{Kind::missing, "x"};
    const SelfTestResult nothing{Kind::inconclusive, "x"};
    const SelfTestResult passed{Kind::passed, ""};

    DnsblHealth healthy{SelfTestSchedule{}};
    for (const auto pause : {2s, 4s, 8s}) {
        CHECK(healthy.record(nothing, at(0s)) == Change::none);
        CHECK_FALSE(healthy.suspended());
        CHECK(healthy.nextTest() == at(pause));
    }
    (void)healthy.record(passed, at(0s));
    (void)healthy.record(nothing, at(0s));
    CHECK(healthy.nextTest() == at(2s)); // a pass ends the back-off

    DnsblHealth suspended{SelfTestSchedule{}};
    (void)suspended.record(missing, at(0s));
    (void)suspended.record(nothing, at(0s)); // says nothing: the failure before still counts
    CHECK(suspended.record(missing, at(0s)) == Change::suspended);
    CHECK(suspended.record(nothing, at(0s)) == Change::none);
    CHECK(suspended.suspended());
}

TEST_CASE("a test can be asked for at once") {
    DnsblHealth health{SelfTestSchedule{}};
    const SelfTestResult missing{Kind::missing, "x"};
    (void)health.record(missing, at(5s));
    (void)health.record(missing, at(6s));
    health.testNow();
    CHECK(health.nextTest() == SteadyTime{});
    CHECK(health.suspended());
}

} // namespace
} // namespace sluice
