// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace sluice::bench {

/// The value that `percent` of the samples do not exceed (nearest rank). Reorders them; 0 if there
/// are none.
template<typename Value>
Value percentile(std::vector<Value>& samples, std::size_t percent) {
    if (samples.empty())
        return {};
    const auto rank = std::max<std::size_t>((samples.size() * percent + 99) / 100, 1) - 1;
    const auto place = samples.begin() + static_cast<std::ptrdiff_t>(rank);
    std::nth_element(samples.begin(), place, samples.end());
    return *place;
}

} // namespace sluice::bench
