// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/config.hh"
#include "milter/listening_socket.hh"
#include "milter/session.hh"

#include <chrono>
#include <memory>

namespace sluice {

/// libmilter, registered and listening. One a process: libmilter keeps its state in globals.
class Server {
public:
    explicit Server(const DaemonSettings& settings) : settings_(settings) {}

    /// Binds the socket; nothing is accepted yet. Needs the rights that socket-group and a
    /// directory like /run ask for.
    Result<void> bind();
    /// Registers the callbacks and listens: from now on the MTA can connect.
    Result<void> listen(SessionServices& services);
    /// Serves until SIGTERM, SIGINT or SIGHUP; libmilter takes these in a thread of its own, so
    /// they must be blocked in all threads. False: libmilter failed.
    bool run();
    /// Removes the socket file.
    void close() { socket_.reset(); }
    /// Connects to the own socket for a moment, see PoolRelief. Threads: any, after listen().
    void touch() const noexcept;
    /// Whether a mail server that connects now gets an answer within `patience`. Threads: any,
    /// after listen().
    [[nodiscard]] bool answers(std::chrono::milliseconds patience) const;

private:
    Result<void> listenWithoutOwnSocket();

    DaemonSettings settings_;
    std::unique_ptr<ListeningSocket> socket_;
};

} // namespace sluice
