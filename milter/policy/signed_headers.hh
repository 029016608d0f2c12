// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/header_list.hh"

#include <string_view>

namespace sluice {

/// True when a DKIM-Signature (RFC 6376 section 3.5) covers this header name, present or absent: to
/// add a header that was signed as absent would break the signature.
bool isSignedHeader(const HeaderList& headers, std::string_view name);

} // namespace sluice
