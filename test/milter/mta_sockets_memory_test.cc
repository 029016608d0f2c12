// SPDX-License-Identifier: BSD-2-Clause
#include "common/descriptor.hh"
#include "milter/mta_sockets.hh"
#include "test/support/failing_memory.hh"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <string_view>

namespace sluice {
namespace {

/// Both ends of a connection that is in its place among others.
struct Pair {
    MtaSockets& connections;
    std::array<int, 2> ends = made();
    Descriptor server{ends[0]};
    Descriptor filter{ends[1]};

    static std::array<int, 2> made() {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        return ends;
    }
    explicit Pair(MtaSockets& all) : connections(all) { all.add(ends[1]); }

    void send(std::string_view octets) const {
        REQUIRE(::send(ends[0], octets.data(), octets.size(), 0) ==
                static_cast<ssize_t>(octets.size()));
    }
    [[nodiscard]] std::string read(std::size_t size) const {
        std::string octets(size, '\0');
        const test::CountedMemory counted;
        const ssize_t got = connections.read(ends[1], octets.data(), size);
        octets.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return octets;
    }
    void edit(std::string_view value) const {
        std::array<char, 5> head{0, 0, 0, static_cast<char>(value.size() + 1), 'h'};
        std::string text(value);
        const std::array<iovec, 2> parts{{{head.data(), head.size()}, {text.data(), text.size()}}};
        const test::CountedMemory counted;
        REQUIRE(connections.writev(ends[1], parts.data(), 2) ==
                static_cast<ssize_t>(head.size() + text.size()));
    }
    void reply() const {
        std::array<char, 5> head{0, 0, 0, 1, 'c'};
        const iovec part{head.data(), head.size()};
        REQUIRE(connections.writev(ends[1], &part, 1) == 5);
    }
    [[nodiscard]] int poll() const {
        pollfd one{ends[1], POLLIN, 0};
        return connections.poll(&one, 1, 0);
    }
    [[nodiscard]] std::size_t inKernel() const {
        std::array<char, 100> octets{};
        const ssize_t got = ::recv(ends[1], octets.data(), octets.size(), MSG_PEEK | MSG_DONTWAIT);
        return got > 0 ? static_cast<std::size_t>(got) : 0;
    }
};

TEST_CASE("an idle connection holds no memory for what will be read") {
    MtaSockets connections;
    const Pair one(connections);
    test::forgetFailure();
    one.send("first");
    CHECK(one.read(1) == "f");
    CHECK(one.read(10) == "irst");

    test::failAllocation(1);
    one.send("second"); // the first chunk is still there
    CHECK(one.read(1) == "s");
    CHECK(one.read(10) == "econd");
    CHECK_FALSE(test::allocationFailed());

    CHECK(one.poll() == 0);
    one.send("third");
    CHECK(one.read(1) == "t");
    CHECK(test::allocationFailed());
    CHECK(one.inKernel() == 4); // without memory it is read piece by piece
    CHECK(one.read(10) == "hird");
    test::failAllocation(0);
}

TEST_CASE("no connection holds memory for edits when it is idle or closed") {
    MtaSockets connections;
    const Pair one(connections);
    const std::string value(100, 'v');
    const auto needsMemory = [&] {
        test::forgetFailure();
        test::failAllocation(1);
        one.edit(value);
        test::failAllocation(0);
        one.reply();
        return test::allocationFailed();
    };
    CHECK(needsMemory());
    one.edit(value);
    one.reply();
    CHECK_FALSE(needsMemory());
    CHECK(one.poll() == 0);
    CHECK(needsMemory());
    one.edit(value);
    connections.remove(one.ends[1]);
    connections.add(one.ends[1]);
    CHECK(needsMemory());
}

} // namespace
} // namespace sluice
