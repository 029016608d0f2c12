// SPDX-License-Identifier: BSD-2-Clause
#include "milter/server.hh"

#include "common/log.hh"
#include "common/text.hh"
#include "milter/callbacks.hh"
#include "milter/mta_sockets.hh"
#include "milter/watchdog.hh"

#include <fmt/format.h>
#include <libmilter/mfapi.h>
#include <sys/socket.h>

#include <string>

namespace sluice {
namespace {

/// As many connections as the kernel lets wait while the filter is busy or restarting.
constexpr int backlog = SOMAXCONN;

bool openConnection(const std::string& connection, bool removeSocket) {
    std::string text = connection; // smfi_setconn() copies it, but takes char*
    return smfi_setconn(text.data()) == MI_SUCCESS && smfi_opensocket(removeSocket) == MI_SUCCESS;
}

} // namespace

Result<void> Server::bind() {
    auto socket =
        ListeningSocket::open(settings_.socket, {settings_.socketMode, settings_.socketGroup});
    if (!socket)
        return tl::unexpected(socket.error());
    socket_ = std::move(*socket);
    return {};
}

Result<void> Server::listen(SessionServices& services) {
    if (smfi_register(milterCallbacks(services)) != MI_SUCCESS ||
        smfi_setbacklog(backlog) != MI_SUCCESS)
        return fail("libmilter does not take the registration");
    if (!openConnection(fmt::format("fd:{}", socket_->descriptor()), false))
        return listenWithoutOwnSocket();
    MtaSockets::ofLibmilter().serve(socket_->descriptor());
    return {};
}

Result<void> Server::listenWithoutOwnSocket() {
    log::warning(LogCategory::daemon,
                 "this libmilter does not take over a socket: it opens its own, and edits of a "
                 "message over TCP are slow");
    socket_.reset();
    if (!openConnection(settings_.socket.text(), true))
        return fail("libmilter cannot listen on " + escapeForDisplay(settings_.socket.text()));
    return {};
}

bool Server::run() {
    return smfi_main() == MI_SUCCESS;
}

void Server::touch() const noexcept {
    if (socket_)
        socket_->touch();
}

bool Server::answers(std::chrono::milliseconds patience) const {
    return !socket_ || answersMailServer(socket_->connection().get(), patience);
}

} // namespace sluice
