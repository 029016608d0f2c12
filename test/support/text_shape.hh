// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <string_view>

namespace sluice::test {

/// What formatTimestamp() makes; see hasShape().
constexpr std::string_view timestampShape = "dddd-dd-ddTdd:dd:dd.dddsdd:dd";

/// Whether the text looks like that: `d` is a digit, `s` a sign, and all else itself.
inline bool hasShape(std::string_view text, std::string_view shape) {
    const auto fits = [](char c, char wanted) {
        if (wanted == 'd')
            return c >= '0' && c <= '9';
        return wanted == 's' ? c == '+' || c == '-' : c == wanted;
    };
    return std::equal(text.begin(), text.end(), shape.begin(), shape.end(), fits);
}

} // namespace sluice::test
