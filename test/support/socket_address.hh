// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "test/support/trouble.hh"

#include <sys/socket.h>

#include <string_view>

namespace sluice::mta {

/// Where a filter listens, in libmilter's notation.
class SocketAddress {
public:
    /// `unix:PATH`, `local:PATH`, `inet:PORT@HOST`, `inet6:PORT@HOST`; a host is an address in text
    /// form or `localhost`. Trouble of kind usage for anything else.
    static Outcome<SocketAddress> parse(std::string_view text);

    [[nodiscard]] int family() const { return storage_.ss_family; }
    [[nodiscard]] const sockaddr* get() const;
    [[nodiscard]] socklen_t size() const { return size_; }

private:
    static Outcome<SocketAddress> unixPath(std::string_view path);
    static Outcome<SocketAddress> inet(int family, std::string_view portAtHost);

    sockaddr_storage storage_{};
    socklen_t size_ = 0;
};

} // namespace sluice::mta
