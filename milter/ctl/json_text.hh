// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace sluice::ctl {

/// The value on a line of ASCII: what came by mail does nothing to a terminal. Octets that are not
/// UTF-8 become U+FFFD.
template<typename Json>
std::string jsonLine(const Json& value) {
    return value.dump(-1, ' ', true, Json::error_handler_t::replace) + '\n';
}

} // namespace sluice::ctl
