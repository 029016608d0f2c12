// SPDX-License-Identifier: BSD-2-Clause
#include "milter/config_values.hh"
#include "milter/listening_socket.hh"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

using namespace sluice;

namespace {

class SocketDirectory {
public:
    SocketDirectory() {
        std::string pattern = "/tmp/sluice-socket-XXXXXX";
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }
    ~SocketDirectory() { std::filesystem::remove_all(path_); }
    SocketDirectory(const SocketDirectory&) = delete;
    SocketDirectory& operator=(const SocketDirectory&) = delete;

    [[nodiscard]] DaemonSettings settings() const {
        DaemonSettings settings;
        settings.socket = *parseSocket("unix:" + path_ + "/sock");
        return settings;
    }

private:
    std::string path_;
};

Result<std::unique_ptr<ListeningSocket>> open(const DaemonSettings& settings) {
    return ListeningSocket::open(settings.socket, {settings.socketMode, settings.socketGroup});
}

bool isSocket(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

} // namespace

TEST_CASE("a unix socket has its mode, and goes with its owner") {
    const SocketDirectory directory;
    DaemonSettings settings = directory.settings();
    settings.socketMode = 0620;
    {
        const auto socket = open(settings);
        REQUIRE(socket);
        struct stat status {};
        REQUIRE(::stat(settings.socket.path.c_str(), &status) == 0);
        CHECK((status.st_mode & 0777) == 0620);
        ::close((*socket)->descriptor());
    }
    CHECK_FALSE(isSocket(settings.socket.path));
}

TEST_CASE("a socket on which somebody listens is left alone") {
    const SocketDirectory directory;
    const auto first = open(directory.settings());
    REQUIRE(first);
    REQUIRE(::listen((*first)->descriptor(), 1) == 0);
    const auto second = open(directory.settings());
    REQUIRE_FALSE(second);
    CHECK(second.error().message.find("another process listens") != std::string::npos);
    CHECK(isSocket(directory.settings().socket.path));
    ::close((*first)->descriptor());
}

TEST_CASE("a socket that nobody listens on is replaced, and only the new owner removes it") {
    const SocketDirectory directory;
    auto stale = open(directory.settings());
    REQUIRE(stale);
    ::close((*stale)->descriptor());
    const auto socket = open(directory.settings());
    REQUIRE(socket);
    stale->reset();
    CHECK(isSocket(directory.settings().socket.path));
    ::close((*socket)->descriptor());
}

TEST_CASE("a file that is no socket is not removed") {
    const SocketDirectory directory;
    const std::string path = directory.settings().socket.path;
    std::ofstream(path) << "mail";
    const auto socket = open(directory.settings());
    REQUIRE_FALSE(socket);
    CHECK(socket.error().message.find("is no socket") != std::string::npos);
    CHECK(std::filesystem::exists(path));
}

TEST_CASE("a directory that is missing is an error that names the path") {
    DaemonSettings settings;
    settings.socket = *parseSocket("unix:/nonexistent/sluice.sock");
    const auto socket = open(settings);
    REQUIRE_FALSE(socket);
    CHECK(socket.error().message.find("/nonexistent/sluice.sock") != std::string::npos);
}

TEST_CASE("what is accepted over TCP sends small packets at once") {
    DaemonSettings settings;
    settings.socket = {SocketSpec::Kind::inet, "", "127.0.0.1", 0};
    const auto socket = open(settings);
    REQUIRE(socket);
    REQUIRE(::listen((*socket)->descriptor(), 1) == 0);
    (*socket)->touch();
    const int accepted = ::accept((*socket)->descriptor(), nullptr, nullptr);
    REQUIRE(accepted >= 0);
    int on = 0;
    socklen_t length = sizeof on;
    ::getsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, &length);
    CHECK(on != 0);
    ::close(accepted);
    ::close((*socket)->descriptor());
}
