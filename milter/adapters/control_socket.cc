// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/control_socket.hh"

#include "common/descriptor.hh"
#include "common/line_io.hh"
#include "common/log.hh"
#include "common/text.hh"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <string>
#include <system_error>
#include <utility>

namespace sluice {
namespace {

/// When no descriptor is left, accept() fails again and again.
constexpr std::chrono::milliseconds pauseAfterFailure{200};
/// Who connects has something to ask: one that says nothing holds up the others.
constexpr std::chrono::seconds forRequest{2};

} // namespace

ControlSocket::ControlSocket(int listening, CarryOut carryOut, std::chrono::milliseconds patience)
    : listening_(listening),
      carryOut_(std::move(carryOut)),
      patience_(patience),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (wake_ < 0)
        throw std::system_error(errno, std::generic_category(), "eventfd");
    thread_ = std::thread([this] { serve(); });
}

ControlSocket::~ControlSocket() {
    ::eventfd_write(wake_, 1);
    thread_.join();
    ::close(wake_);
}

void ControlSocket::serve() {
    for (;;) {
        std::array<pollfd, 2> watched{pollfd{listening_, POLLIN, 0}, pollfd{wake_, POLLIN, 0}};
        if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR)
            return;
        if (watched[1].revents != 0)
            return;
        if (watched[0].revents == 0)
            continue;
        const Descriptor client(
            ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (client.get() >= 0)
            answer(client.get());
        else if (errno != EINTR && errno != EAGAIN && errno != ECONNABORTED)
            ::poll(&watched[1], 1, static_cast<int>(pauseAfterFailure.count()));
    }
}

void ControlSocket::answer(int client) {
    try {
        const auto line = readLine(client, control::longestRequest,
                                   std::min<std::chrono::milliseconds>(patience_, forRequest));
        if (!line) {
            log::info(LogCategory::daemon, "control: {}", line.error().message);
            return;
        }
        const std::string reply = control::textOf(replyTo(*line)) + '\n';
        if (auto sent = writeAll(client, reply, patience_); !sent)
            log::info(LogCategory::daemon, "control: {}", sent.error().message);
    } catch (const std::exception& error) { // no memory for the reply: the next is smaller
        log::failure(LogCategory::daemon, "control", error);
    }
}

control::Reply ControlSocket::replyTo(const std::string& line) {
    const auto request = control::parseRequest(line);
    if (!request)
        return {request.error().message};
    try {
        return carryOut_(*request);
    } catch (const std::exception& error) {
        return {error.what()};
    }
}

} // namespace sluice
