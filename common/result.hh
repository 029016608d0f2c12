// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <tl/expected.hpp>

#include <string>
#include <utility>

namespace sluice {

/// Why an expected operation did not succeed, as a sentence for the operator.
struct Error {
    std::string message;
};

/// The value, or why there is none. Bad input and failing networks are values, not exceptions.
template<typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::string message) {
    return tl::unexpected<Error>(Error{std::move(message)});
}

} // namespace sluice
