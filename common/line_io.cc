// SPDX-License-Identifier: BSD-2-Clause
#include "common/line_io.hh"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace sluice {
namespace {

using Clock = std::chrono::steady_clock;

/// Waits until the socket can be read or written; false when the time is over.
bool waitFor(int socket, short event, Clock::time_point deadline) {
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        pollfd watched{socket, event, 0};
        const int ready = ::poll(&watched, 1, static_cast<int>(std::max<decltype(left)>(left, 0)));
        if (ready > 0)
            return true;
        if (ready == 0 || errno != EINTR)
            return false;
    }
}

bool mayTryAgain() {
    return errno == EAGAIN || errno == EINTR;
}

} // namespace

Result<std::string> readLine(int socket, std::size_t most, std::chrono::milliseconds patience) {
    const auto deadline = Clock::now() + patience;
    std::string line;
    std::array<char, 16UL * 1024> piece{};
    while (waitFor(socket, POLLIN, deadline)) {
        const ssize_t octets = ::recv(socket, piece.data(), piece.size(), 0);
        if (octets < 0 && mayTryAgain())
            continue;
        if (octets < 0)
            return fail(std::strerror(errno));
        if (octets == 0)
            return fail("the connection ended in the middle of a line");
        const std::string_view read(piece.data(), static_cast<std::size_t>(octets));
        const std::size_t end = read.find('\n');
        line.append(read.substr(0, end));
        if (line.size() > most)
            return fail(fmt::format("a line is longer than {} octets", most));
        if (end != std::string_view::npos)
            return line;
    }
    return fail("no whole line came in time");
}

Result<void> writeAll(int socket, std::string_view text, std::chrono::milliseconds patience) {
    const auto deadline = Clock::now() + patience;
    while (!text.empty()) {
        if (!waitFor(socket, POLLOUT, deadline))
            return fail("the other side did not take all in time");
        const ssize_t octets = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
        if (octets >= 0)
            text.remove_prefix(static_cast<std::size_t>(octets));
        else if (!mayTryAgain())
            return fail(std::strerror(errno));
    }
    return {};
}

} // namespace sluice
