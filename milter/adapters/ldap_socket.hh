// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/policy/time_point.hh"

#include <sys/socket.h>

namespace sluice {

/// Where a server is, without a name look-up.
struct LdapAddress {
    sockaddr_storage address{};
    socklen_t size = 0;
};

/// The descriptor of a socket that is connected, and never blocks. The caller closes it.
Result<int> connectTo(const LdapAddress& address, SteadyTime deadline);

/// Whether there was one of these events of poll(2) before the deadline.
bool waitForSocket(int descriptor, short events, SteadyTime deadline);

} // namespace sluice
