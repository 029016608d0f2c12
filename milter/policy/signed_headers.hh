// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/edits.hh"
#include "milter/policy/header_list.hh"

#include <string_view>

namespace sluice {

/// True when a DKIM-Signature (RFC 6376 section 3.5) covers this header name, present or absent: to
/// add a header that was signed as absent would break the signature.
bool isSignedHeader(const HeaderList& headers, std::string_view name);

/// Has the field added to the message, unless one of its name is there or will be, or is signed.
void addWhereAbsent(const HeaderList& headers, HeaderLine line, Edits& edits);

} // namespace sluice
