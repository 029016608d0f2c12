// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/notice_budget.hh"

#include <doctest/doctest.h>

using sluice::NoticeBudget;
using sluice::SteadyTime;
using namespace std::chrono_literals;
using Answer = NoticeBudget::Answer;

TEST_CASE("twenty notices an hour, and the last one says so") {
    NoticeBudget budget;
    SteadyTime now(100h);
    for (int hour = 0; hour < 3; ++hour) {
        for (unsigned notice = 1; notice < NoticeBudget::mostInWindow; ++notice) {
            CHECK(budget.take(now) == Answer::send);
            now += 1s;
        }
        CHECK(budget.take(now) == Answer::sendAsLast);
        CHECK(budget.take(now) == Answer::none);
        CHECK(budget.take(now + 59min) == Answer::none);
        now += 1h;
    }
}

TEST_CASE("an hour begins with its first notice") {
    NoticeBudget budget;
    CHECK(budget.take(SteadyTime(100h)) == Answer::send);
    for (unsigned notice = 0; notice < 2 * NoticeBudget::mostInWindow; ++notice)
        (void)budget.take(SteadyTime(100h) + 30min);
    CHECK(budget.take(SteadyTime(100h) + 59min) == Answer::none);
    CHECK(budget.take(SteadyTime(101h)) == Answer::send);
}
