// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::mta {

/// RFC 4648 section 4, padded, on one line.
std::string encodeBase64(std::string_view octets);
/// nullopt for anything that encodeBase64() would not have written.
std::optional<std::string> decodeBase64(std::string_view text);

} // namespace sluice::mta
