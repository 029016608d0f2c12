// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/control_protocol.hh"

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::ctl {

/// The words of a command that asks the running filter.
struct ControlWords {
    std::string path{control::usualPath}; ///< --control PATH
    bool json = false;                    ///< --json
    std::vector<std::string> words = {};  ///< the others
};

/// Error: an option that is none of these, or PATH is missing.
Result<ControlWords> controlWords(const std::vector<std::string>& arguments);

/// Asks the filter. Anything but 0 is the exit status, and `err` says why: 69 (EX_UNAVAILABLE) when
/// the filter is not reached, `refused` when it does not do what it is asked for.
int ask(std::string_view command, const std::string& path, const control::Request& request,
        int refused, nlohmann::json& result, std::ostream& err);

/// A span of time as people say it: "5s", "3m", "7h", "2d".
std::string roughly(std::int64_t seconds);

} // namespace sluice::ctl
