// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

/// What stands behind the address of MAIL and RCPT (RFC 5321 section 4.1.2), as libmilter hands it
/// over: `arguments` begins with the address and ends with a null pointer.
namespace sluice {

/// The SIZE parameter of MAIL (RFC 1870 section 6). A malformed one is ignored, one over 64 bits is
/// as large as can be.
std::optional<std::uint64_t> declaredSize(char** arguments);

/// Whether one of the parameters has one of these keywords.
bool hasParameter(char** arguments, std::initializer_list<std::string_view> keywords);

} // namespace sluice
