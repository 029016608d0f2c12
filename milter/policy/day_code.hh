// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/base32.hh"
#include "common/civil_day.hh"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// How a day is written in what sluice signs: the number of days since 1970, for 2,800 years.
namespace sluice {

constexpr std::size_t dayDigits = 4;

inline std::string encodeDay(CivilDay day) {
    const auto number = std::max(static_cast<std::int32_t>(day), std::int32_t{0});
    return encodeBase32Number(static_cast<std::uint64_t>(number), dayDigits);
}

inline std::optional<CivilDay> decodeDay(std::string_view text) {
    const auto number = decodeBase32Number(text);
    if (text.size() != dayDigits || !number)
        return std::nullopt;
    return CivilDay{static_cast<std::int32_t>(*number)};
}

} // namespace sluice
