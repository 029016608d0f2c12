// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/dns_servers.hh"

#include "test/support/dns_message.hh"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

namespace sluice::test {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
constexpr auto patience = 20s;
constexpr int askAgainMs = 100;

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

sockaddr* generic(sockaddr_in& address) {
    void* const pointer = &address;
    return static_cast<sockaddr*>(pointer);
}

std::vector<std::string> rbldnsdCommand(const std::string& directory, const std::string& zone,
                                        std::uint16_t port) {
    // the program refuses to be root
    const std::string user = geteuid() == 0 ? "-urbldns:rbldns" : "-4";
    return {"/usr/sbin/rbldnsd",
            "-n",
            "-4",
            "-f",
            user,
            "-w" + directory,
            "-b127.0.0.1/" + std::to_string(port),
            "-c1",
            zone + ":ip4set:ip4",
            zone + ":ip6trie:ip6"};
}

std::string unboundConfiguration(const std::string& directory, std::uint16_t port,
                                 const std::string& zone, std::uint16_t listPort) {
    return "server:\n interface: 127.0.0.1\n port: " + std::to_string(port) +
           "\n do-daemonize: no\n chroot: \"\"\n username: \"\"\n directory: \"" + directory +
           "\"\n pidfile: \"\"\n use-syslog: no\n logfile: \"\"\n access-control: 127.0.0.0/8 "
           "allow\n do-not-query-localhost: no\n module-config: \"iterator\"\n"
           "remote-control:\n control-enable: no\n"
           "stub-zone:\n name: \"" +
           zone + "\"\n stub-addr: 127.0.0.1@" + std::to_string(listPort) + "\n";
}

} // namespace

bool waitForDns(ServerProcess& server, std::uint16_t port, std::string_view name) {
    const int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(port);
    connect(udp, generic(address), sizeof address);
    const std::string question = encodeQuestion(name, 1);
    bool answered = false;
    for (const auto end = Clock::now() + patience;
         !answered && server.running() && Clock::now() < end;) {
        (void)send(udp, question.data(), question.size(), 0);
        pollfd ready{udp, POLLIN, 0};
        std::array<char, 4096> reply{};
        answered = poll(&ready, 1, askAgainMs) > 0 && recv(udp, reply.data(), reply.size(), 0) > 0;
        if (!answered) // a refused port answers at once
            std::this_thread::sleep_for(10ms);
    }
    close(udp);
    return answered;
}

Rbldnsd::Rbldnsd(const std::string& zone, std::string_view ip4Entries, std::string_view ip6Entries)
    : zone_(zone), port_(freePort()) {
    constexpr auto searchableByItsUser = std::filesystem::perms(0755);
    std::filesystem::permissions(directory_.path(), searchableByItsUser);
    write("ip4", ip4Entries);
    write("ip6", ip6Entries);
    process_ = std::make_unique<ServerProcess>(rbldnsdCommand(directory_.path(), zone, port_),
                                               directory_.path("log"));
    REQUIRE_MESSAGE(waitForDns(*process_, port_, zone), readFile(directory_.path("log")));
}

void Rbldnsd::write(std::string_view file, std::string_view entries) const {
    // in one step, so that it never reads half a file
    writeFile(directory_.path("new"), "$SOA 1 ns." + zone_ + " hostmaster." + zone_ +
                                          " 1 600 300 86400 1\n$NS 1 ns." + zone_ +
                                          "\n$TTL 1\n:127.0.0.2:listed\n" + std::string(entries));
    std::filesystem::rename(directory_.path("new"), directory_.path(file));
}

void Rbldnsd::rewrite(std::string_view ip4Entries) {
    write("ip4", ip4Entries);
    process_->signal(SIGHUP);
}

UnboundServer::UnboundServer(const std::string& zone, std::uint16_t listPort) : port_(freePort()) {
    const std::string configuration = directory_.path("unbound.conf");
    writeFile(configuration, unboundConfiguration(directory_.path(), port_, zone, listPort));
    process_ = std::make_unique<ServerProcess>(
        std::vector<std::string>{"/usr/sbin/unbound", "-d", "-c", configuration},
        directory_.path("log"));
    REQUIRE_MESSAGE(waitForDns(*process_, port_, zone), readFile(directory_.path("log")));
}

} // namespace sluice::test
