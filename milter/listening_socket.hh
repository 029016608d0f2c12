// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/descriptor.hh"
#include "common/result.hh"
#include "milter/config.hh"

#include <sys/socket.h>

#include <memory>
#include <string>

namespace sluice {

/// Who may use a unix socket.
struct SocketAccess {
    mode_t mode = 0600;
    std::string group = {}; ///< empty: the one that the system gives it
};

/// A bound socket of our own: so permissions are right before anybody can connect, TCP_NODELAY is
/// inherited by what is accepted (without it two edits of a message cost 44 ms over TCP), and a
/// second instance cannot take the socket of the first.
class ListeningSocket {
public:
    /// Replaces a socket file that nobody listens on. Error: someone does; a file that is no socket
    /// stands there; the address cannot be had; mode or group cannot be set.
    static Result<std::unique_ptr<ListeningSocket>> open(const SocketSpec& spec,
                                                         const SocketAccess& access);

    /// Closes nothing: libmilter owns the descriptor. Removes the socket file if it is still ours.
    ~ListeningSocket();
    ListeningSocket(const ListeningSocket&) = delete;
    ListeningSocket& operator=(const ListeningSocket&) = delete;

    [[nodiscard]] int descriptor() const { return descriptor_; }
    /// A non-blocking connection to this socket. Where there is no room for one more, it is not
    /// connected. For any thread.
    [[nodiscard]] Descriptor connection() const noexcept;
    /// Connects to this socket and closes at once. For any thread.
    void touch() const noexcept { static_cast<void>(connection()); }

private:
    ListeningSocket(int descriptor, std::string path);

    int descriptor_;
    std::string path_; ///< of a unix socket
    int file_ = -1;    ///< holds the socket's file, so that no other can get its inode number
};

} // namespace sluice
