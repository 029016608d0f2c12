// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/known_recipients.hh"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace sluice;
using namespace std::chrono_literals;

namespace {
constexpr SteadyTime start{std::chrono::hours(1000)};
}

TEST_CASE("known recipients: for their time, and not when they are gone") {
    KnownRecipients known;
    CHECK_FALSE(known.holds("ann@test.example", start));
    known.remember("ann@test.example", start);
    CHECK(known.holds("ann@test.example", start + 59min));
    CHECK_FALSE(known.holds("bob@test.example", start));
    CHECK_FALSE(known.holds("ann@test.example", start + 60min));
    known.remember("ann@test.example", start + 30min);
    CHECK(known.holds("ann@test.example", start + 60min));
    known.forget("ann@test.example");
    CHECK_FALSE(known.holds("ann@test.example", start + 60min));
}

TEST_CASE("known recipients: another time holds for those that are known already") {
    KnownRecipients known;
    known.remember("ann@test.example", start);
    known.setTime(0ms);
    CHECK_FALSE(known.holds("ann@test.example", start));
    known.setTime(48h);
    CHECK(known.holds("ann@test.example", start + 47h));
}

TEST_CASE("known recipients: there are never more than so many") {
    KnownRecipients known;
    const auto name = [](std::size_t number) { return std::to_string(number) + "@test.example"; };
    for (std::size_t i = 0; i < KnownRecipients::most; ++i)
        known.remember(name(i), i < 10 ? start : start + 30min);
    CHECK(known.holds(name(0), start + 30min));
    known.remember("ann@test.example", start + 61min); // the old ones go first
    CHECK(known.holds(name(10), start + 61min));
    CHECK(known.holds("ann@test.example", start + 61min));
    for (std::size_t i = 0; i < 20; ++i)
        known.remember("more" + name(i), start + 62min);
    CHECK_FALSE(known.holds(name(10), start + 62min));
    CHECK(known.holds("more" + name(19), start + 62min));
}
