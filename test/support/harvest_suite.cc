// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/harvest_suite.hh"

#include "test/support/capture_value.hh"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds window = 1h;

IpAddress address(const std::string& text) {
    return IpAddress::parse(text).value();
}

/// A client that no other check has.
IpAddress freshClient() {
    static std::uint32_t last = 0x0A000000;
    return IpAddress::v4(++last);
}

void checkClients(const MakeHarvestCounter& make, StoreClock& clock) {
    const auto counter = make(window);
    struct Case {
        const char* client;
        std::uint32_t count;
    };
    const Case cases[] = {
        {"2001:db8:0:1::1", 1},  {"2001:db8:0:1:ffff:ffff:ffff:ffff", 2},
        {"2001:db8:0:2::1", 1},  {"2001:db8:0:1::", 3},
        {"192.0.2.1", 1},        {"192.0.2.129", 1},
        {"::ffff:192.0.2.1", 2}, {"192.0.2.1", 3},
    };
    for (const auto& [client, count] : cases) {
        CAPTURE_VALUE(client);
        CHECK(counter->countUnknown(address(client), clock.now()) == count);
        clock.pass(1s);
    }
}

void checkWindow(const MakeHarvestCounter& make, StoreClock& clock) {
    struct Case {
        std::chrono::milliseconds window;
        std::chrono::seconds later;
        std::uint32_t count;
    };
    const Case cases[] = {
        {1h, 0s, 21},   {1h, 59min, 21}, {1h, 3599s, 21}, {1h, 3600s + 225s, 1},
        {1h, 2h, 1},    {1h, 300h, 1},   {32s, 31s, 21},  {32s, 34s, 1},
        {24h, 23h, 21}, {24h, 26h, 1},   {1ms, 1s, 1},    {87600h, 1000h, 21},
    };
    for (const auto& [length, later, count] : cases) {
        CAPTURE_VALUE(length.count());
        CAPTURE_VALUE(later.count());
        const auto counter = make(length);
        const auto client = freshClient();
        for (std::uint32_t i = 1; i <= 20; ++i)
            REQUIRE(counter->countUnknown(client, clock.now()) == i);
        clock.pass(later);
        CHECK(counter->countUnknown(client, clock.now()) == count);
    }
}

/// Never less than the truth, never more than the truth of a slice more.
void checkAgainstTruth(const MakeHarvestCounter& make, StoreClock& clock) {
    std::mt19937 random(4711); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time
    for (const std::chrono::seconds length : {97s, 600s, 3600s}) {
        const auto counter = make(length);
        const auto client = freshClient();
        const std::chrono::nanoseconds whole = length;
        const auto slice = (whole + 31ns) / 32;
        std::vector<SteadyTime> events;
        for (int i = 0; i < 300; ++i) {
            const auto longest = static_cast<unsigned>(length.count() / (i % 50 == 0 ? 1 : 10));
            clock.pass(std::chrono::seconds(static_cast<unsigned>(random()) % longest));
            events.push_back(clock.now());
            const auto since = [&](std::chrono::nanoseconds age) {
                return std::count_if(events.begin(), events.end(),
                                     [&](SteadyTime event) { return clock.now() - event < age; });
            };
            const auto counted = counter->countUnknown(client, clock.now());
            REQUIRE(counted >= since(whole));
            REQUIRE(counted <= since(whole + slice));
        }
    }
}

} // namespace

void checkHarvestCounter(const MakeHarvestCounter& make, StoreClock& clock) {
    checkClients(make, clock);
    checkWindow(make, clock);
    checkAgainstTruth(make, clock);
}

} // namespace sluice::test
