// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/civil_day.hh"

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice {

/// The name of a tracking log of an earlier day: PATH.YYYY-MM-DD; when that was taken, with .1, .2,
/// … behind it; and compressed by others, with .gz at the end.
struct TrackingFileName {
    CivilDay day;
    std::uint64_t number = 0;
    bool compressed = false;
};

/// `name` and `base`, that of the log of today, are names within a directory. Nothing: it is no log
/// of that base, or one that others gave another ending.
std::optional<TrackingFileName> parseTrackingFileName(std::string_view name, std::string_view base);

} // namespace sluice
