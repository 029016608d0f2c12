// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/control_call.hh"

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::ctl {

/// An entry of a book of the store, as the filter lists it.
struct StoreLine {
    std::string id;
    std::string label; ///< untrusted text
    std::uint64_t count = 0;
    std::int64_t firstAgo = 0; ///< seconds
    std::int64_t lastAgo = 0;
    std::int64_t remaining = 0;
};

/// Of the array that the filter sends; what has another shape is left out.
std::vector<StoreLine> storeLines(const nlohmann::json& entries);

/// `clear ID|--all` in these books: says how many entries went. Returns the exit status.
int clearEntries(std::string_view command, const std::vector<std::string>& books,
                 const ControlWords& given, std::ostream& out, std::ostream& err);

} // namespace sluice::ctl
