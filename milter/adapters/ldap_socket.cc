// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/ldap_socket.hh"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <system_error>

namespace sluice {
namespace {

/// 0, or what errno says.
int finishConnecting(int descriptor, SteadyTime deadline) {
    if (!waitForSocket(descriptor, POLLOUT, deadline))
        return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof error;
    return ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

void setOption(int descriptor, int level, int option) {
    const int on = 1;
    ::setsockopt(descriptor, level, option, &on, sizeof on);
}

} // namespace

bool waitForSocket(int descriptor, short events, SteadyTime deadline) {
    using std::chrono::milliseconds;
    for (;;) {
        const auto left =
            std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0)
            return false;
        pollfd watched{descriptor, events, 0};
        const int ready = ::poll(&watched, 1, static_cast<int>(left.count()));
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            return false;
    }
}

Result<int> connectTo(const LdapAddress& address, SteadyTime deadline) {
    const int descriptor = ::socket(address.address.ss_family,
                                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (descriptor < 0)
        return fail("socket: " + std::generic_category().message(errno));
    // NOLINTNEXTLINE(*-reinterpret-cast): the interface of sockets
    const auto* const where = reinterpret_cast<const sockaddr*>(&address.address);
    int error = ::connect(descriptor, where, address.size) == 0 ? 0 : errno;
    if (error == EINPROGRESS)
        error = finishConnecting(descriptor, deadline);
    if (error != 0) {
        ::close(descriptor);
        return fail("connect: " + std::generic_category().message(error));
    }
    setOption(descriptor, IPPROTO_TCP, TCP_NODELAY);
    setOption(descriptor, SOL_SOCKET, SO_KEEPALIVE);
    return descriptor;
}

} // namespace sluice
