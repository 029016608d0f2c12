// SPDX-License-Identifier: BSD-2-Clause
#include "milter/esmtp_arguments.hh"

#include "common/text.hh"

#include <algorithm>
#include <limits>

namespace sluice {
namespace {

/// The first behind the address; there may not even be that.
char** firstParameter(char** arguments) {
    return *arguments == nullptr ? arguments : arguments + 1;
}

} // namespace

std::optional<std::uint64_t> declaredSize(char** arguments) {
    static constexpr std::string_view key = "SIZE=";
    for (char** argument = firstParameter(arguments); *argument != nullptr; ++argument) {
        const std::string_view text = *argument;
        if (!equalsIgnoringCase(text.substr(0, key.size()), key))
            continue;
        const std::string_view digits = text.substr(key.size());
        const bool number =
            !digits.empty() &&
            std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
        if (!number)
            return std::nullopt;
        const auto size = parseUnsigned(digits);
        return size ? *size : std::numeric_limits<std::uint64_t>::max();
    }
    return std::nullopt;
}

bool hasParameter(char** arguments, std::initializer_list<std::string_view> keywords) {
    for (char** argument = firstParameter(arguments); *argument != nullptr; ++argument) {
        const std::string_view text = *argument;
        const std::string_view keyword = text.substr(0, text.find('='));
        if (std::any_of(keywords.begin(), keywords.end(),
                        [&](std::string_view each) { return equalsIgnoringCase(keyword, each); }))
            return true;
    }
    return false;
}

} // namespace sluice
