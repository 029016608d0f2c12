// SPDX-License-Identifier: BSD-2-Clause
#include "common/tracking_file_name.hh"

#include "common/text.hh"

namespace sluice {

std::optional<TrackingFileName> parseTrackingFileName(std::string_view name,
                                                      std::string_view base) {
    constexpr std::size_t dayLength = 10;
    constexpr std::string_view compressedEnding = ".gz";
    if (!name.starts_with(base) || !name.substr(base.size()).starts_with('.'))
        return std::nullopt;
    name.remove_prefix(base.size() + 1);
    const auto day = parseCivilDay(name.substr(0, dayLength));
    if (!day)
        return std::nullopt;
    name.remove_prefix(dayLength);
    TrackingFileName found{*day};
    found.compressed = name.ends_with(compressedEnding);
    if (found.compressed)
        name.remove_suffix(compressedEnding.size());
    if (name.empty())
        return found;
    const auto number = name.starts_with('.') ? parseUnsigned(name.substr(1)) : std::nullopt;
    if (!number)
        return std::nullopt;
    found.number = *number;
    return found;
}

} // namespace sluice
