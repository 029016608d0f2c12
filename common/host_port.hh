// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

/// Where a server listens, as the configuration names it.
struct HostPort {
    std::string host; ///< a name in lower case, or an address in its canonical form, without `[ ]`
    std::uint16_t port = 0;

    /// `HOST:PORT`, `192.0.2.1:25` or `[2001:db8::1]:25`. Error: anything else.
    static Result<HostPort> parse(std::string_view text);
    /// As parse() reads it.
    [[nodiscard]] std::string text() const;

    friend bool operator==(const HostPort&, const HostPort&) = default;
};

} // namespace sluice
