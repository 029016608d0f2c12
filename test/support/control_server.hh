// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/control_socket.hh"
#include "test/support/scratch_directory.hh"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

namespace sluice::test {

/// A control socket in a directory of its own.
class ControlServer {
public:
    explicit ControlServer(ControlSocket::CarryOut carryOut,
                           std::chrono::milliseconds patience = control::patience)
        : path_(directory_.path() + "/control.sock"),
          listening_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const sockaddr_un address = addressOf(path_);
        REQUIRE(::bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
                0);
        REQUIRE(::listen(listening_, 8) == 0);
        socket_ = std::make_unique<ControlSocket>(listening_, std::move(carryOut), patience);
    }
    ~ControlServer() {
        socket_.reset();
        ::close(listening_);
    }
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }

    static sockaddr_un addressOf(const std::string& path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        return address;
    }

private:
    ScratchDirectory directory_;
    std::string path_;
    int listening_;
    std::unique_ptr<ControlSocket> socket_;
};

} // namespace sluice::test
