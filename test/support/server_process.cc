// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/server_process.hh"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <random>

namespace sluice::test {

ServerProcess::ServerProcess(const std::vector<std::string>& command, const std::string& log) {
    std::vector<std::string> words(command);
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    const int status = posix_spawn(&pid_, arguments[0], &files, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    REQUIRE_MESSAGE(status == 0, (command[0] + " does not start: is it installed?"));
}

ServerProcess::~ServerProcess() {
    if (pid_ <= 0)
        return;
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
}

bool ServerProcess::running() {
    if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_)
        pid_ = -1;
    return pid_ > 0;
}

void ServerProcess::signal(int number) const {
    if (pid_ > 0)
        kill(pid_, number);
}

namespace {

/// Whether nobody listens there.
bool isFree(int kind, std::uint16_t port) {
    const int probe = socket(AF_INET, kind | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    auto* const generic = static_cast<sockaddr*>(static_cast<void*>(&address));
    const bool bound = bind(probe, generic, sizeof address) == 0;
    close(probe);
    return bound;
}

/// Those from here on are given to whoever asks for any.
std::uint16_t lowestForAny() {
    std::uint16_t lowest = 0;
    std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> lowest;
    return lowest;
}

} // namespace

std::uint16_t freePort() {
    constexpr std::uint16_t lowest = 10'000;
    static std::mt19937 random{std::random_device{}()};
    const std::uint16_t end = lowestForAny();
    REQUIRE(end > lowest);
    std::uniform_int_distribution<unsigned> any(lowest, end - 1U);
    for (;;) {
        const auto port = static_cast<std::uint16_t>(any(random));
        if (isFree(SOCK_DGRAM, port) && isFree(SOCK_STREAM, port))
            return port;
    }
}

} // namespace sluice::test
