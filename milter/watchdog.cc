// SPDX-License-Identifier: BSD-2-Clause
#include "milter/watchdog.hh"

#include "common/line_io.hh"
#include "common/log.hh"

#include <poll.h>
#include <sys/socket.h>

#include <string_view>
#include <utility>

namespace sluice {
namespace {

/// SMFIC_OPTNEG of protocol version 6: length, command, version, actions, steps; no more is asked
/// for than any filter takes.
constexpr std::string_view negotiation("\0\0\0\x0dO\0\0\0\6\0\0\x01\xff\0\x1f\xff\xff", 17);

} // namespace

Watchdog::Watchdog(std::chrono::microseconds granted, std::function<bool()> serves,
                   std::function<void()> alive)
    : half_(granted / 2), serves_(std::move(serves)), alive_(std::move(alive)) {}

void Watchdog::look(Clock::time_point now) {
    if (half_.count() == 0 || now - last_ < half_)
        return;
    if (serves_()) {
        last_ = now;
        warned_ = false;
        alive_();
    } else if (!std::exchange(warned_, true)) {
        log::warning(LogCategory::daemon,
                     "the filter does not answer on its own socket: if that lasts, the service "
                     "manager starts it anew");
    }
}

bool answersMailServer(int connection, std::chrono::milliseconds patience) {
    if (!writeAll(connection, negotiation, patience))
        return false;
    pollfd watched{connection, POLLIN, 0};
    char answer = 0;
    return ::poll(&watched, 1, static_cast<int>(patience.count())) == 1 &&
           ::recv(connection, &answer, 1, 0) == 1;
}

} // namespace sluice
