// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

/// Octets: "1500", "10k", "25M", "1G" (powers of 1024). Error: anything else, or over 64 bits.
Result<std::uint64_t> parseSize(std::string_view text);

/// The shortest text that parseSize() reads back.
std::string formatSize(std::uint64_t octets);

} // namespace sluice
