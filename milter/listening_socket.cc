// SPDX-License-Identifier: BSD-2-Clause
#include "milter/listening_socket.hh"

#include "common/log.hh"
#include "common/text.hh"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace sluice {
namespace {

tl::unexpected<Error> systemError(const std::string& what) {
    return fail(fmt::format("{}: {}", what, std::strerror(errno)));
}

const sockaddr* generic(const sockaddr_storage& address) {
    return reinterpret_cast<const sockaddr*>(&address); // NOLINT: the socket interface is so
}

sockaddr_un unixAddress(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    return address;
}

bool someoneListens(const sockaddr_un& address) {
    const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), // NOLINT
                     sizeof address) == 0;
}

/// Removes what an instance that is gone has left.
Result<void> clearPath(const std::string& path, const sockaddr_un& address) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0)
        return {};
    if (!S_ISSOCK(status.st_mode))
        return fail(fmt::format("{} is there and is no socket", escapeForDisplay(path)));
    if (someoneListens(address))
        return fail(fmt::format("another process listens on {}", escapeForDisplay(path)));
    if (::unlink(path.c_str()) != 0)
        return systemError("cannot remove " + escapeForDisplay(path));
    return {};
}

Result<void> setGroup(const std::string& path, const SocketAccess& access) {
    if (access.group.empty())
        return {};
    const group* const entry = ::getgrnam(access.group.c_str());
    if (entry == nullptr || ::lchown(path.c_str(), static_cast<uid_t>(-1), entry->gr_gid) != 0)
        return systemError(fmt::format("cannot give {} to group {}", escapeForDisplay(path),
                                       escapeForDisplay(access.group)));
    return {};
}

Result<int> openUnix(const std::string& path, const SocketAccess& access) {
    const sockaddr_un address = unixAddress(path);
    if (auto cleared = clearPath(path, address); !cleared)
        return tl::unexpected(cleared.error());
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // Nobody can connect before it listens. Whoever owns the directory can put a link in its place
    // now, so no mode is set by name.
    const mode_t before = ::umask(~access.mode & 0777U);
    const int bound = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), // NOLINT
                             sizeof address);
    const int error = errno;
    ::umask(before);
    errno = error;
    if (bound != 0)
        return systemError("cannot listen on " + escapeForDisplay(path));
    if (auto allowed = setGroup(path, access); !allowed)
        return tl::unexpected(allowed.error());
    return socket.release();
}

struct FreeAddresses {
    void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

Result<int> openInet(const SocketSpec& spec) {
    addrinfo hints{};
    hints.ai_family = spec.kind == SocketSpec::Kind::inet6 ? AF_INET6 : AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo* found = nullptr;
    const int failure =
        ::getaddrinfo(spec.host.c_str(), std::to_string(spec.port).c_str(), &hints, &found);
    if (failure != 0)
        return fail(fmt::format("{}: {}", escapeForDisplay(spec.text()), ::gai_strerror(failure)));
    const std::unique_ptr<addrinfo, FreeAddresses> list(found);
    Descriptor socket(::socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::bind(socket.get(), list->ai_addr, list->ai_addrlen) != 0)
        return systemError("cannot listen on " + escapeForDisplay(spec.text()));
    return socket.release();
}

bool isLoopback(const sockaddr_storage& address) {
    if (address.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
    }
    if (address.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &address, sizeof v6);
        return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) != 0;
    }
    return true;
}

/// Where to connect to reach the socket from this machine: itself, or loopback for "any address".
sockaddr_storage reachable(int descriptor, socklen_t& length) {
    sockaddr_storage address{};
    length = sizeof address;
    ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length); // NOLINT
    if (address.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        if (v4.sin_addr.s_addr == htonl(INADDR_ANY))
            v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        std::memcpy(&address, &v4, sizeof v4);
    } else if (address.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &address, sizeof v6);
        if (IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr))
            v6.sin6_addr = in6addr_loopback;
        std::memcpy(&address, &v6, sizeof v6);
    }
    return address;
}

} // namespace

ListeningSocket::ListeningSocket(int descriptor, std::string path)
    : descriptor_(descriptor), path_(std::move(path)) {
    if (!path_.empty())
        file_ = ::open(path_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

Result<std::unique_ptr<ListeningSocket>> ListeningSocket::open(const SocketSpec& spec,
                                                               const SocketAccess& access) {
    const bool local = spec.kind == SocketSpec::Kind::unixPath;
    const auto descriptor = local ? openUnix(spec.path, access) : openInet(spec);
    if (!descriptor)
        return tl::unexpected(descriptor.error());
    std::unique_ptr<ListeningSocket> socket(
        new ListeningSocket(*descriptor, local ? spec.path : std::string()));
    socklen_t length = 0;
    if (!local && !isLoopback(reachable(*descriptor, length)))
        log::warning(LogCategory::daemon,
                     "{} can be reached from outside this machine: the milter protocol has no "
                     "authentication, let only the MTA reach it",
                     escapeForDisplay(spec.text()));
    return socket;
}

ListeningSocket::~ListeningSocket() {
    const Descriptor file(file_);
    struct stat ours {};
    struct stat there {};
    if (file_ >= 0 && ::fstat(file_, &ours) == 0 && ::lstat(path_.c_str(), &there) == 0 &&
        ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
        ::unlink(path_.c_str());
}

Descriptor ListeningSocket::connection() const noexcept {
    socklen_t length = 0;
    const sockaddr_storage address = reachable(descriptor_, length);
    Descriptor socket(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // Non-blocking: with the backlog full there is nothing to gain by one more.
    static_cast<void>(::connect(socket.get(), generic(address), length));
    return socket;
}

} // namespace sluice
