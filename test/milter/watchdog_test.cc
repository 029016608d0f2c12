// SPDX-License-Identifier: BSD-2-Clause
#include "common/descriptor.hh"
#include "common/log.hh"
#include "milter/watchdog.hh"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <string_view>
#include <vector>

using namespace sluice;
using namespace std::chrono_literals;

namespace {

/// At which seconds the manager was told, with a look at each second from 0 on; at second i the
/// filter serves unless the i-th mark is '-'.
std::vector<int> toldAt(std::chrono::microseconds granted, std::string_view marks) {
    log::setLevels([] {
        LogLevels quiet;
        quiet.setAll(LogLevel::error);
        return quiet;
    }());
    std::vector<int> told;
    int second = 0;
    Watchdog dog(
        granted, [&] { return marks.at(static_cast<std::size_t>(second)) != '-'; },
        [&] { told.push_back(second); });
    const Watchdog::Clock::time_point start(1000h);
    for (; second < static_cast<int>(marks.size()); ++second)
        dog.look(start + std::chrono::seconds(second));
    log::setLevels({});
    return told;
}

struct Pair {
    Descriptor ours{-1};
    Descriptor theirs{-1};
};

Pair socketPair() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

} // namespace

TEST_CASE("the manager is told twice in its time, and only while the filter serves") {
    struct {
        const char* what;
        std::chrono::microseconds granted;
        std::string_view marks;
        std::vector<int> expected;
    } const cases[] = {
        {"never serves", 4s, "--------", {}},
        {"nobody asks", 0s, "++++++++", {}},
        {"serves no more", 4s, "+++-----", {0, 2}},
        {"busy for a moment: asked again at the next look", 6s, "+++--+++++", {0, 5, 8}},
        {"busy when nobody looks", 8s, "+---+---+---", {0, 4, 8}},
        {"serves", 6s, "++++++++++", {0, 3, 6, 9}},
        {"asks more often than anyone looks", 1s, "++++", {0, 1, 2, 3}},
    };
    for (const auto& row : cases) {
        CAPTURE(row.what);
        CHECK(toldAt(row.granted, row.marks) == row.expected);
    }
}

TEST_CASE("a filter answers, or it does not") {
    SUBCASE("no connection") {
        CHECK_FALSE(answersMailServer(-1, 1s));
        const Descriptor apart(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
        CHECK_FALSE(answersMailServer(apart.get(), 1s));
    }
    SUBCASE("it hangs") {
        const Pair pair = socketPair();
        CHECK_FALSE(answersMailServer(pair.ours.get(), 20ms));
    }
    SUBCASE("it is gone") {
        Pair pair = socketPair();
        { const Descriptor closed(pair.theirs.release()); }
        CHECK_FALSE(answersMailServer(pair.ours.get(), 1s));
    }
    SUBCASE("it ends the connection") {
        const Pair pair = socketPair();
        REQUIRE(::shutdown(pair.theirs.get(), SHUT_WR) == 0);
        CHECK_FALSE(answersMailServer(pair.ours.get(), 1s));
    }
    SUBCASE("it answers") {
        const Pair pair = socketPair();
        REQUIRE(::send(pair.theirs.get(), "\0", 1, 0) == 1);
        CHECK(answersMailServer(pair.ours.get(), 1s));
        std::array<char, 64> seen{};
        const auto octets = ::recv(pair.theirs.get(), seen.data(), seen.size(), 0);
        REQUIRE(octets == 17);
        CHECK(std::string_view(seen.data(), 5) == std::string_view("\0\0\0\x0dO", 5));
    }
}
