// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/packet_stream.hh"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>

namespace sluice::mta {
namespace {

using std::chrono::milliseconds;
using namespace std::string_view_literals;

constexpr milliseconds ample{20'000};
constexpr milliseconds brief{30};

/// A stream and the bare other end.
struct Pair {
    explicit Pair(milliseconds limit) : stream(-1, limit) {
        std::array<int, 2> ends{};
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
        stream = PacketStream(ends[0], limit);
        other = ends[1];
    }
    ~Pair() { hangUp(); }
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;

    void write(std::string_view octets) const {
        REQUIRE(::write(other, octets.data(), octets.size()) ==
                static_cast<ssize_t>(octets.size()));
    }
    void hangUp() {
        if (other >= 0)
            (void)::close(other);
        other = -1;
    }

    PacketStream stream;
    int other = -1;
};

TEST_CASE("packet stream: packets of impossible length are protocol errors") {
    for (const auto header : {"\0\0\0\0c"sv, "\xff\xff\xff\xff"sv, "\x00\x10\x00\x01"sv}) {
        Pair pair(ample);
        pair.write(header);
        const auto packet = pair.stream.read();
        REQUIRE_FALSE(packet.has_value());
        CHECK(packet.error().kind == Trouble::Kind::protocol);
    }
}

TEST_CASE("packet stream: a packet that does not end is a timeout, or closed") {
    for (const auto part : {""sv, "\0\0"sv, "\0\0\0\5"sv, "\0\0\0\5cabc"sv}) {
        CAPTURE(part.size());
        Pair slow(brief);
        slow.write(part);
        const auto late = slow.stream.read();
        REQUIRE_FALSE(late.has_value());
        CHECK(late.error().kind == Trouble::Kind::timeout);

        Pair cut(ample);
        cut.write(part);
        cut.hangUp();
        const auto closed = cut.stream.read();
        REQUIRE_FALSE(closed.has_value());
        CHECK(closed.error().kind == Trouble::Kind::closed);
    }
}

TEST_CASE("packet stream: packets that come together or in pieces") {
    Pair pair(ample);
    pair.write("\0\0\0\1c\0\0\0\4hab\0\0\0"sv);
    CHECK(pair.stream.read()->code == 'c');
    const auto second = pair.stream.read();
    CHECK(second->code == 'h');
    CHECK(second->payload == "ab\0"sv);
    pair.write("\0\2dx"sv);
    CHECK(pair.stream.read()->payload == "x");
}

TEST_CASE("packet stream: what is queued goes out together, framed") {
    Pair pair(ample);
    REQUIRE(pair.stream.queue('M', "<a>\0"sv));
    REQUIRE(pair.stream.queueRaw("\1\2"sv));
    std::array<char, 64> buffer{};
    CHECK(::recv(pair.other, buffer.data(), buffer.size(), MSG_DONTWAIT) == -1);
    REQUIRE(pair.stream.flush());
    const auto got = ::recv(pair.other, buffer.data(), buffer.size(), MSG_DONTWAIT);
    CHECK(std::string_view(buffer.data(), static_cast<std::size_t>(got)) == "\0\0\0\5M<a>\0\1\2"sv);
}

TEST_CASE("packet stream: a reader that never reads does not block for ever") {
    Pair pair(brief);
    const std::string large(std::size_t{4} << 20U, 'x');
    const auto sent = pair.stream.queue('B', large);
    REQUIRE_FALSE(sent.has_value());
    CHECK(sent.error().kind == Trouble::Kind::timeout);
}

TEST_CASE("packet stream: the end of the stream") {
    Pair pair(ample);
    pair.write("\0\0\0\1c"sv);
    pair.hangUp();
    CHECK(pair.stream.awaitClose().has_value());
    REQUIRE(pair.stream.queue('Q', {}));
    CHECK(pair.stream.flush().error().kind == Trouble::Kind::closed);

    Pair open(brief);
    CHECK(open.stream.awaitClose().error().kind == Trouble::Kind::timeout);
}

TEST_CASE("packet stream: nobody listens") {
    const auto stream = PacketStream::connect("unix:/nonexistent/filter.sock", ample);
    REQUIRE_FALSE(stream.has_value());
    CHECK(stream.error().kind == Trouble::Kind::system);
}

} // namespace
} // namespace sluice::mta
