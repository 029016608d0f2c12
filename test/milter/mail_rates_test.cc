// SPDX-License-Identifier: BSD-2-Clause
#include "milter/mail_rates.hh"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr MailRates::Time start{1'000'000s};

TEST_CASE("nothing was counted yet") {
    const MailRates rates;
    CHECK(rates.within(1h, start) == MailRates::Counts{0, 0});
    CHECK(rates.within(1h, MailRates::Time{}) == MailRates::Counts{0, 0});
}

TEST_CASE("messages and refusals of the last minute and hour") {
    MailRates rates;
    rates.message(start);
    rates.message(start + 999ms);
    rates.refusal(start + 30s);
    rates.message(start + 59s);
    struct {
        std::chrono::seconds time;
        std::chrono::milliseconds later;
        MailRates::Counts counts;
    } const cases[] = {
        {1min, 0s, {2, 0}},       {1min, 59s, {3, 1}},  {1min, 60s, {1, 1}},  {1min, 89s, {1, 1}},
        {1min, 90s, {1, 0}},      {1min, 119s, {0, 0}}, {1h, 119s, {3, 1}},   {1h, 3599s, {3, 1}},
        {1h, 3600s, {1, 1}},      {1h, 3659s, {0, 0}},  {24h, 3599s, {3, 1}}, {0s, 59s, {1, 0}},
        {1min, 59'999ms, {3, 1}},
    };
    for (const auto& each : cases) {
        CAPTURE(each.time.count());
        CAPTURE(each.later.count());
        CHECK(rates.within(each.time, start + each.later) == each.counts);
    }
}

TEST_CASE("an hour later its place in memory counts anew") {
    MailRates rates;
    for (int i = 0; i < 5; ++i)
        rates.message(start);
    rates.message(start + 1h);
    CHECK(rates.within(1h, start + 1h).messages == 1);
    rates.message(start); // too late: it is of no use any more
    CHECK(rates.within(1h, start + 1h).messages == 1);
}

TEST_CASE("threads count side by side") {
    MailRates rates;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int j = 0; j < 10'000; ++j)
                rates.message(start + std::chrono::milliseconds(j));
        });
    for (std::thread& thread : threads)
        thread.join();
    CHECK(rates.within(1min, start + 10s).messages == 40'000);
}

} // namespace
} // namespace sluice
