// SPDX-License-Identifier: BSD-2-Clause
#include "common/size.hh"

#include "common/text.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace sluice {

namespace {

struct Unit {
    char name;
    std::uint64_t octets;
};
/// Falling, so that the first that divides a size gives its shortest text.
constexpr std::array<Unit, 3> units{{{'G', 1ULL << 30}, {'M', 1ULL << 20}, {'k', 1ULL << 10}}};

bool isNumber(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

} // namespace

Result<std::uint64_t> parseSize(std::string_view text) {
    std::string_view number = text;
    std::uint64_t octets = 1;
    for (const Unit& unit : units)
        if (!text.empty() && text.back() == unit.name)
            octets = unit.octets;
    if (octets != 1)
        number.remove_suffix(1);
    if (!isNumber(number))
        return fail(quoteForDisplay(text) + " is no size (as 1500, 10k, 25M or 1G)");
    const auto count = parseUnsigned(number);
    if (!count || *count > std::numeric_limits<std::uint64_t>::max() / octets)
        return fail(quoteForDisplay(text) + " octets do not fit 64 bits");
    return *count * octets;
}

std::string formatSize(std::uint64_t octets) {
    for (const Unit& unit : units)
        if (octets != 0 && octets % unit.octets == 0)
            return fmt::format("{}{}", octets / unit.octets, unit.name);
    return fmt::format("{}", octets);
}

} // namespace sluice
