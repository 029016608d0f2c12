// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <tl/expected.hpp>

#include <string>
#include <utility>

namespace sluice::mta {

/// Why an exchange with the filter did not succeed. The kinds are apart because a test of malformed
/// input expects one of them.
struct Trouble {
    enum class Kind : unsigned char {
        closed,   ///< the filter closed the connection
        timeout,  ///< nothing, or not all of it, came in time
        protocol, ///< the filter sent what the protocol does not allow
        system,   ///< a system call failed
        usage,    ///< the caller asked for the impossible
    };
    Kind kind;
    std::string message;
};

template<typename T>
using Outcome = tl::expected<T, Trouble>;

inline tl::unexpected<Trouble> trouble(Trouble::Kind kind, std::string message) {
    return tl::unexpected<Trouble>(Trouble{kind, std::move(message)});
}

} // namespace sluice::mta
