// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice {

/// The longest name in octets, without the dot at its end (RFC 1035 section 3.1).
constexpr std::size_t longestDomain = 253;

/// The form in which domains are compared: ASCII (IDNA 2008), lower case, no trailing dots. Never
/// fails: what is no valid name comes back in lower case, so that hostile input is compared too.
/// An address literal (`[192.0.2.1]`) is kept, in lower case.
std::string canonicalDomain(std::string_view domain);

/// For the configuration: as canonicalDomain(), but an error for what can be no domain (empty
/// labels, labels over 63 or names over 253 octets, characters outside letters, digits, `-` and
/// `_`).
Result<std::string> parseDomain(std::string_view text);

} // namespace sluice
