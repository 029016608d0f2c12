// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/control_protocol.hh"

#include <chrono>
#include <functional>
#include <string>
#include <thread>

namespace sluice {

/// Answers requests of the operator's tool on a listening socket, in a thread of its own and one
/// after the other: whoever may connect is the operator. A client that is slow or says too much is
/// dropped after `patience`.
class ControlSocket {
public:
    /// `carryOut` may take its time; what it throws becomes the error of the reply.
    using CarryOut = std::function<control::Reply(const control::Request&)>;

    /// `listening` stays the caller's, and open for the life of this.
    ControlSocket(int listening, CarryOut carryOut,
                  std::chrono::milliseconds patience = control::patience);
    /// Waits for a request that is being carried out.
    ~ControlSocket();
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;

private:
    void serve();
    void answer(int client);
    control::Reply replyTo(const std::string& line);

    int listening_;
    CarryOut carryOut_;
    std::chrono::milliseconds patience_;
    int wake_; ///< becomes readable when this ends
    std::thread thread_;
};

} // namespace sluice
