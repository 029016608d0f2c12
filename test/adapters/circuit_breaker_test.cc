// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/circuit_breaker.hh"

#include <doctest/doctest.h>

using namespace sluice;
using namespace std::chrono_literals;

namespace {

const SteadyTime start{1000h};

} // namespace

TEST_CASE("breaker: two errors within ten seconds open it") {
    CircuitBreaker breaker;
    CHECK_FALSE(breaker.failed(start, 0));
    CHECK(breaker.closed());
    CHECK(breaker.failed(start + 10s, 0));
    CHECK_FALSE(breaker.closed());
    CHECK(breaker.openSince() == start + 10s);
}

TEST_CASE("breaker: answers in between do not help, time does") {
    CircuitBreaker breaker;
    for (int error = 0; error < 20; ++error) {
        CHECK_FALSE(breaker.failed(start + error * 11s, 0));
        CHECK_FALSE(breaker.succeeded());
    }
    CHECK(breaker.closed());
    CHECK(breaker.failed(start + 19 * 11s + 1s, 0));
}

TEST_CASE("breaker: tries come later and later, at different times for different nodes") {
    CircuitBreaker breaker;
    for (int error = 0; error < 2; ++error)
        breaker.failed(start, 0.5);
    CHECK(breaker.nextTry() == start + 250ms);
    const std::chrono::milliseconds pauses[] = {500ms, 1000ms, 2000ms, 2000ms};
    SteadyTime now = breaker.nextTry();
    for (const auto pause : pauses) {
        CHECK_FALSE(breaker.failed(now, 0.5));
        CHECK(breaker.nextTry() == now + pause);
        now = breaker.nextTry();
    }
    breaker.failed(now, 0);
    CHECK(breaker.nextTry() == now + 1500ms);
    breaker.failed(now, 1);
    CHECK(breaker.nextTry() == now + 2500ms);
}

TEST_CASE("breaker: one success closes it, and it begins anew") {
    CircuitBreaker breaker;
    for (int error = 0; error < 2; ++error)
        breaker.failed(start, 0);
    CHECK(breaker.succeeded());
    CHECK(breaker.closed());
    CHECK_FALSE(breaker.succeeded());
    CHECK_FALSE(breaker.failed(start + 1s, 0));
    CHECK(breaker.failed(start + 1s, 0.5));
    CHECK(breaker.nextTry() == start + 1s + 250ms);
}
