// SPDX-License-Identifier: BSD-2-Clause
#include "common/descriptor.hh"
#include "milter/mta_sockets.hh"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

using sluice::Descriptor;
using sluice::MtaSockets;

namespace {

/// A mail server's end and the filter's, which is added to `connections`.
class Connection {
public:
    explicit Connection(MtaSockets& connections) : connections_(connections) {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
        server_.emplace(ends[0]);
        filter_.emplace(ends[1]);
        connections_.add(descriptor());
    }
    ~Connection() { connections_.remove(descriptor()); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] int descriptor() const { return filter_->get(); }
    void send(const std::string& text) const {
        REQUIRE(::write(server_->get(), text.data(), text.size()) ==
                static_cast<ssize_t>(text.size()));
    }
    void hangUp() { server_.reset(); }
    [[nodiscard]] std::string read(std::size_t size) const {
        std::string text(size, '?');
        const ssize_t count = connections_.read(descriptor(), text.data(), text.size());
        REQUIRE(count >= 0);
        return text.substr(0, static_cast<std::size_t>(count));
    }
    /// As libmilter does it; what writev() has returned.
    [[nodiscard]] ssize_t write(char code, std::string text) const {
        std::string head{0, 0, 0, static_cast<char>(text.size() + 1), code};
        const std::array<iovec, 2> parts{{{head.data(), head.size()}, {text.data(), text.size()}}};
        return connections_.writev(descriptor(), parts.data(), text.empty() ? 1 : 2);
    }
    /// What the mail server has got by now.
    [[nodiscard]] std::string received() const {
        std::string text(1'000'000, '?');
        const ssize_t count = ::recv(server_->get(), text.data(), text.size(), MSG_DONTWAIT);
        return text.substr(0, count < 0 ? 0 : static_cast<std::size_t>(count));
    }
    /// What the kernel still has, without the layer.
    [[nodiscard]] std::string inKernel() const {
        std::string text(100'000, '?');
        const ssize_t count = ::recv(descriptor(), text.data(), text.size(), MSG_DONTWAIT);
        return text.substr(0, count < 0 ? 0 : static_cast<std::size_t>(count));
    }
    /// There is no room for one octet more.
    void fill() const {
        const std::string text(10'000, 'f');
        for (std::size_t size = text.size(); size > 0;)
            if (::send(descriptor(), text.data(), size, MSG_DONTWAIT) < 0)
                size /= 10;
    }
    [[nodiscard]] int pollForRoom(int milliseconds) const {
        pollfd one{descriptor(), POLLOUT, 0};
        return connections_.poll(&one, 1, milliseconds);
    }
    [[nodiscard]] int poll(int milliseconds = 0) const {
        pollfd one{descriptor(), POLLIN | POLLPRI, 0};
        const int ready = connections_.poll(&one, 1, milliseconds);
        CHECK((ready == 1) == ((one.revents & POLLIN) != 0));
        return ready;
    }

private:
    MtaSockets& connections_;
    std::optional<Descriptor> server_;
    std::optional<Descriptor> filter_;
};

std::string numbered(std::size_t size) {
    std::string text(size, '\0');
    std::iota(text.begin(), text.end(), '\0');
    return text;
}

} // namespace

TEST_CASE("what has come is read at once and given out piece by piece") {
    MtaSockets connections;
    const Connection one(connections);
    CHECK(one.poll() == 0);
    one.send("commands");
    CHECK(one.poll() == 1);
    CHECK(one.read(3) == "com");
    CHECK(one.inKernel().empty());
    CHECK(one.poll(-1) == 1);
    CHECK(one.read(1) == "m");
    CHECK(one.read(100) == "ands");
    CHECK(one.poll() == 0);
    one.send("more");
    CHECK(one.read(4) == "more");
    CHECK(one.poll() == 0);
}

TEST_CASE("pieces of any size come in order, however they were sent") {
    std::mt19937 engine(7); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time
    const std::string text = numbered(300'000);
    for (const std::size_t most : {std::size_t{1}, std::size_t{7}, MtaSockets::chunk - 1,
                                   MtaSockets::chunk, MtaSockets::chunk + 1, std::size_t{50'000}}) {
        CAPTURE(most);
        MtaSockets connections;
        const Connection one(connections);
        std::uniform_int_distribution<std::size_t> size(1, most);
        std::string got;
        for (std::size_t sent = 0; sent < text.size() && sent < 20'000 * most;) {
            const std::string part = text.substr(sent, size(engine));
            one.send(part);
            sent += part.size();
            while (got.size() < sent && one.poll() == 1 && engine() % 4 != 0)
                got += one.read(size(engine));
        }
        while (one.poll() == 1)
            got += one.read(size(engine));
        CHECK(got == text.substr(0, got.size()));
        CHECK(one.inKernel().empty());
    }
}

TEST_CASE("not more than a chunk is kept") {
    MtaSockets connections;
    const Connection one(connections);
    one.send(std::string(10 + MtaSockets::chunk + 5, 'x'));
    CHECK(one.read(10).size() == 10);
    CHECK(one.inKernel().size() == 5);
    CHECK(one.read(MtaSockets::chunk).size() == MtaSockets::chunk);
}

TEST_CASE("the end comes after what was sent before it") {
    MtaSockets connections;
    Connection one(connections);
    one.send("QUIT");
    one.hangUp();
    CHECK(one.read(1) == "Q");
    CHECK(one.poll(-1) == 1);
    CHECK(one.read(10) == "UIT");
    CHECK(one.read(10).empty());
    CHECK(one.read(10).empty());
}

TEST_CASE("a poll that found the end or an error is asked again") {
    MtaSockets connections;
    Connection one(connections);
    one.send("x");
    CHECK(one.poll() == 1);
    CHECK(one.read(1) == "x");
    one.hangUp();
    pollfd asked{one.descriptor(), POLLIN, 0};
    for (int i = 0; i < 2; ++i) {
        CHECK(connections.poll(&asked, 1, 0) == 1);
        CHECK((asked.revents & POLLHUP) != 0);
    }
}

TEST_CASE("a poll that does not wait, or for anything else than input or room, is the system's") {
    MtaSockets connections;
    const Connection one(connections);
    one.send("abc");
    CHECK(one.read(1) == "a");
    pollfd asked{one.descriptor(), POLLOUT, 0};
    CHECK(connections.poll(&asked, 1, 0) == 1);
    CHECK(asked.revents == POLLOUT);
    one.fill();
    CHECK(connections.poll(&asked, 1, 0) == 0);
    asked.events = POLLOUT | POLLPRI;
    CHECK(connections.poll(&asked, 1, 1) == 0);
    asked.events = 0;
    CHECK(connections.poll(&asked, 1, 0) == 0);
}

TEST_CASE("among several, those with something kept are ready at once, and so are the others") {
    MtaSockets connections;
    const Connection kept(connections);
    const Connection sent(connections);
    const Connection silent(connections);
    kept.send("abc");
    CHECK(kept.read(1) == "a");
    std::array<pollfd, 4> set{{{kept.descriptor(), POLLIN, 0},
                               {sent.descriptor(), POLLIN, 0},
                               {silent.descriptor(), POLLIN, 0},
                               {-1, POLLIN, 0}}};
    CHECK(connections.poll(set.data(), set.size(), -1) == 1);
    CHECK(set[0].revents == POLLIN);
    CHECK(set[1].revents == 0);
    sent.send("x");
    CHECK(connections.poll(set.data(), set.size(), -1) == 2);
    CHECK(set[1].revents == POLLIN);
    CHECK(set[2].revents == 0);
    kept.send("y"); // ready twice over, counted once
    CHECK(connections.poll(set.data(), set.size(), -1) == 2);
    CHECK(kept.read(100) == "bc");
    CHECK(kept.read(100) == "y");
    CHECK(connections.poll(set.data(), set.size(), 0) == 1);
    CHECK(connections.poll(nullptr, 0, 0) == 0);
}

TEST_CASE("a descriptor that was never added is as it is without the layer") {
    MtaSockets connections;
    const Connection one(connections);
    connections.remove(one.descriptor());
    one.send("abc");
    CHECK(one.read(1) == "a");
    CHECK(one.inKernel() == "bc");
    for (const int bad : {-1, 1 << 20, 1 << 30}) {
        connections.add(bad);
        connections.remove(bad);
        char octet = 0;
        CHECK(connections.read(bad, &octet, 1) == -1);
        CHECK(errno == EBADF);
    }
}

TEST_CASE("nothing of a closed connection reaches the next one of that number") {
    MtaSockets connections;
    const Connection one(connections);
    one.send("secret");
    CHECK(one.read(1) == "s");
    connections.remove(one.descriptor());
    connections.add(one.descriptor());
    CHECK(one.poll() == 0);
    one.send("new");
    CHECK(one.poll() == 1); // remembered, and forgotten with it
    connections.add(one.descriptor());
    CHECK(one.inKernel() == "new");
    CHECK(one.poll() == 0);
}

TEST_CASE("an empty read and an error take nothing away") {
    MtaSockets connections;
    const Connection one(connections);
    one.send("abc");
    CHECK(one.read(0).empty());
    CHECK(connections.read(one.descriptor(), nullptr, 1) == -1);
    CHECK(errno == EFAULT);
    CHECK(one.read(3) == "abc");
}

TEST_CASE("edits are sent with the reply behind them") {
    MtaSockets connections;
    const Connection one(connections);
    for (const char edit : std::string("+2-ehimq")) {
        CAPTURE(edit);
        CHECK(one.write(edit, "first") == 10);
        CHECK(one.write(edit, "") == 5);
        CHECK(one.received().empty());
        CHECK(one.write('c', "") == 5);
        const std::string head("\0\0\0", 3);
        std::string expected = head;
        expected.append("\6").append(1, edit).append("first");
        expected.append(head).append("\1").append(1, edit);
        expected.append(head).append("\1c");
        CHECK(one.received() == expected);
    }
    for (const char other : std::string("abcdfloprsty4O")) {
        CAPTURE(other);
        CHECK(one.write(other, "x") == 6);
        CHECK(one.received().size() == 6);
    }
}

TEST_CASE("no more edits are held than fit, and their order stays") {
    MtaSockets connections;
    const Connection one(connections);
    const std::string value(200, 'v');
    std::size_t held = 0;
    while (one.received().empty()) {
        REQUIRE(held <= MtaSockets::maxHeld);
        held += static_cast<std::size_t>(one.write('h', value));
    }
    CHECK(held > MtaSockets::maxHeld);
    CHECK(one.write('h', "last") == 9);
    CHECK(one.received().empty());
    CHECK(one.write('a', "") == 5);
    CHECK(one.received().size() == 14);
}

TEST_CASE("edits without a reply go out before the next command is awaited") {
    MtaSockets connections;
    Connection one(connections);
    CHECK(one.write('h', "x") == 6);
    CHECK(one.poll() == 0);
    CHECK(one.received().size() == 6);
    CHECK(one.write('h', "x") == 6);
    one.hangUp();
    pollfd asked{one.descriptor(), POLLIN, 0};
    CHECK(connections.poll(&asked, 1, -1) == 1);
    CHECK((asked.revents & (POLLERR | POLLHUP)) != 0);
}

TEST_CASE("nothing that was held for a closed connection goes to the next one of that number") {
    MtaSockets connections;
    const Connection one(connections);
    CHECK(one.write('h', "secret") == 11);
    connections.remove(one.descriptor());
    connections.add(one.descriptor());
    CHECK(one.write('c', "") == 5);
    CHECK(one.received().size() == 5);
}

TEST_CASE("a mail server that takes its time gets everything once") {
    MtaSockets connections;
    const Connection one(connections);
    const int small = 4096;
    REQUIRE(::setsockopt(one.descriptor(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
    REQUIRE(::fcntl(one.descriptor(), F_SETFL, O_NONBLOCK) == 0);
    std::string expected;
    std::string got;
    for (int number = 0; number < 60; ++number) {
        const std::string value(200, static_cast<char>('A' + number));
        CHECK(one.write('i', value) == 205);
        expected += std::string("\0\0\0", 3) + static_cast<char>(201) + 'i' + value;
    }
    expected += std::string("\0\0\0\1c", 5);
    ssize_t sent = 0;
    while ((sent = one.write('c', "")) < 0) {
        REQUIRE(errno == EAGAIN);
        got += one.received();
    }
    CHECK(sent == 5);
    got += one.received();
    CHECK(got == expected);
}

TEST_CASE("what is sent in parts, while a write waits for room, arrives once and in order") {
    MtaSockets connections;
    const Connection one(connections);
    const int small = 4096;
    REQUIRE(::setsockopt(one.descriptor(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
    CHECK(one.pollForRoom(60'000) == 1);
    const std::string value(50'000, 'v');
    const std::string text = numbered(100'000);
    std::string expected;
    for (const auto& [code, sent] : {std::pair{'i', &value}, std::pair{'y', &text}}) {
        expected += std::string(3, '\0') + static_cast<char>(sent->size() + 1);
        expected += code + *sent;
    }
    std::string got;
    std::thread reader([&] {
        while (got.size() < expected.size())
            got += one.received();
    });
    CHECK(one.write('i', value) == 50'005);
    ssize_t written = one.write('y', text);
    REQUIRE(written >= 5);
    for (auto done = static_cast<std::size_t>(written) - 5; done < text.size();) {
        std::string rest = text.substr(done);
        const iovec part{rest.data(), rest.size()};
        written = connections.writev(one.descriptor(), &part, 1);
        REQUIRE(written > 0);
        done += static_cast<std::size_t>(written);
    }
    reader.join();
    CHECK(got == expected);
}

TEST_CASE("a connection that was idle goes on") {
    MtaSockets connections;
    const Connection one(connections);
    for (int turn = 0; turn < 3; ++turn) {
        one.send("command");
        CHECK(one.read(3) == "com");
        CHECK(one.poll(1) == 1);
        CHECK(one.read(10) == "mand");
        CHECK(one.poll(1) == 0);
    }
}

TEST_CASE("a write waits for room as long as the poll before it would have") {
    MtaSockets connections;
    const Connection one(connections);
    one.fill();
    CHECK(one.pollForRoom(20) == 1);
    CHECK(one.write('c', "") == -1);
    CHECK(errno == ETIMEDOUT);
    CHECK(one.write('h', "x") == 6);
    pollfd asked{one.descriptor(), POLLIN, 0};
    CHECK(connections.poll(&asked, 1, -1) == 1);
    CHECK(asked.revents == POLLERR); // an edit that cannot be sent is not waited for again

    for (const int patience : {-1, 60'000}) {
        CAPTURE(patience);
        CHECK(one.pollForRoom(patience) == 1);
        std::thread reader([&] {
            while (one.received().empty())
                std::this_thread::yield();
        });
        CHECK(one.write('c', "") == 5);
        reader.join();
        one.fill();
    }
    connections.remove(one.descriptor());
    connections.add(one.descriptor());
    REQUIRE(::fcntl(one.descriptor(), F_SETFL, O_NONBLOCK) == 0);
    CHECK(one.write('c', "") == -1); // asks as the system call, with no poll before it
    CHECK(errno == EAGAIN);
}

TEST_CASE("writing to a mail server that has gone is an error, not a signal") {
    MtaSockets connections;
    Connection one(connections);
    CHECK(one.write('h', "x") == 6);
    one.hangUp();
    CHECK(one.write('c', "") == -1);
    CHECK(errno == EPIPE);
}

TEST_CASE("what was never added is written as it is") {
    MtaSockets connections;
    const Connection one(connections);
    connections.remove(one.descriptor());
    CHECK(one.write('h', "x") == 6);
    CHECK(one.received().size() == 6);
}

TEST_CASE("connections go from thread to thread while another one polls them all") {
    constexpr std::size_t count = 8;
    constexpr std::size_t each = 20'000;
    MtaSockets connections;
    std::deque<Connection> all;
    std::vector<pollfd> set;
    for (std::size_t i = 0; i < count; ++i)
        set.push_back({all.emplace_back(connections).descriptor(), POLLIN, 0});

    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::size_t> ready; // whose turn it is
    std::vector<std::string> got(count);
    std::size_t open = count;
    for (std::size_t i = 0; i < count; ++i)
        ready.push_back(i);

    const auto work = [&] {
        std::mt19937 engine(1); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time
        for (;;) {
            std::size_t mine = 0;
            {
                std::unique_lock lock(mutex);
                changed.wait(lock, [&] { return !ready.empty() || open == 0; });
                if (ready.empty())
                    return;
                mine = ready.front();
                ready.pop_front();
            }
            got[mine] += all[mine].read(1 + engine() % 100);
            const std::lock_guard lock(mutex);
            if (got[mine].size() == each)
                --open;
            else
                ready.push_back(mine);
            changed.notify_all();
        }
    };
    std::vector<std::thread> threads;
    threads.reserve(5);
    for (int i = 0; i < 3; ++i)
        threads.emplace_back(work);
    threads.emplace_back([&] {
        const std::string text = numbered(each);
        for (std::size_t sent = 0; sent < each; sent += 1000)
            for (const Connection& one : all)
                one.send(text.substr(sent, 1000));
    });
    threads.emplace_back([&] {
        for (bool more = true; more;) {
            std::vector<pollfd> asked = set;
            CHECK(connections.poll(asked.data(), asked.size(), 1) >= 0);
            const std::lock_guard lock(mutex);
            more = open != 0;
        }
    });
    for (std::thread& thread : threads)
        thread.join();
    for (const std::string& text : got)
        CHECK(text == numbered(each));
}
