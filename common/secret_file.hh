// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <cstddef>
#include <string>

namespace sluice {

/// The most octets of a file that holds secrets.
constexpr std::size_t longestSecretFile = 65536;

/// What a file holds that nobody but its owner may read or write (mode & 077 is 0). Error: `PATH:
/// …` when others may, or it cannot be opened or read, is no regular file, or is longer than
/// longestSecretFile.
Result<std::string> readSecretFile(const std::string& path);

} // namespace sluice
