// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/dns_stub.hh"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::test {

namespace {

using namespace std::chrono_literals;
constexpr std::chrono::milliseconds longestPoll = 20ms;
constexpr int receiveBuffer = 4 << 20;

/// The socket calls want another pointer type than the one the address has.
sockaddr* generic(sockaddr_in& address) {
    void* const pointer = &address;
    return static_cast<sockaddr*>(pointer);
}
const sockaddr* generic(const sockaddr_in& address) {
    const void* const pointer = &address;
    return static_cast<const sockaddr*>(pointer);
}

} // namespace

DnsStub::DnsStub(Answer answer, const char* address, std::uint16_t port)
    : answer_(std::move(answer)) {
    own_.sin_family = AF_INET;
    own_.sin_port = htons(port);
    inet_pton(AF_INET, address, &own_.sin_addr);
    socklen_t length = sizeof own_;
    socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, sizeof receiveBuffer);
    if (bind(socket_, generic(own_), length) != 0 ||
        getsockname(socket_, generic(own_), &length) != 0) {
        close(std::exchange(socket_, -1));
        return;
    }
    thread_ = std::thread([this] { run(); });
}

DnsStub::~DnsStub() {
    stopping_ = true;
    if (thread_.joinable())
        thread_.join();
    if (socket_ >= 0)
        close(socket_);
}

std::string DnsStub::address() const {
    std::array<char, INET_ADDRSTRLEN> text{};
    inet_ntop(AF_INET, &own_.sin_addr, text.data(), text.size());
    return std::string(text.data()) + "@" + std::to_string(ntohs(own_.sin_port));
}

unsigned DnsStub::questions(const std::string& name) {
    const std::lock_guard guard(mutex_);
    return byName_[name];
}

void DnsStub::setAnswer(Answer answer) {
    const std::lock_guard guard(mutex_);
    answer_ = std::move(answer);
}

bool DnsStub::waitForQuestions(unsigned count, std::chrono::milliseconds patience) {
    const auto end = Clock::now() + patience;
    while (questions_ < count) {
        if (Clock::now() >= end)
            return false;
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

void DnsStub::run() {
    while (!stopping_) {
        pollfd ready{socket_, POLLIN, 0};
        poll(&ready, 1, sendDue());
        receive();
    }
}

/// Sends what is due; the milliseconds until there is more to do.
int DnsStub::sendDue() {
    const auto now = Clock::now();
    while (!later_.empty() && later_.begin()->first <= now) {
        send(later_.begin()->second);
        later_.erase(later_.begin());
    }
    auto pause = longestPoll;
    if (!later_.empty())
        pause = std::min(pause,
                         std::chrono::ceil<std::chrono::milliseconds>(later_.begin()->first - now));
    return static_cast<int>(pause.count());
}

void DnsStub::receive() {
    std::array<char, 4096> buffer{};
    sockaddr_in client{};
    socklen_t length = sizeof client;
    ssize_t size = 0;
    while ((size = recvfrom(socket_, buffer.data(), buffer.size(), 0, generic(client), &length)) >
           0) {
        const std::string_view query(buffer.data(), static_cast<std::size_t>(size));
        const auto name = questionName(query);
        if (!name)
            continue;
        const std::lock_guard guard(mutex_);
        ++byName_[*name];
        ++questions_;
        const DnsReply reply = answer_(*name);
        if (reply.kind != DnsReply::Kind::silence)
            later_.emplace(Clock::now() + std::chrono::milliseconds(reply.delayMs),
                           Reply{encodeReply(query, reply), client});
    }
    (void)sendDue();
}

void DnsStub::send(const Reply& reply) const {
    (void)sendto(socket_, reply.packet.data(), reply.packet.size(), 0, generic(reply.client),
                 sizeof reply.client);
}

} // namespace sluice::test
