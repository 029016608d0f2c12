// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/header_list.hh"
#include "milter/policy/mime_parts.hh"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// The first part of a message that is text (RFC 2045 section 5), decoded from quoted-printable or
/// base64, HTML without its tags; lines end in LF. At most `limit` octets, which are bytes of the
/// part's own charset: nothing is converted. Parts inside an attached message are not looked at.
/// `bodyPrefix` is the beginning of the body as sent. Malformed input gives what can be read of it.
/// Time is linear in what is given, memory bounded by `limit` and the sizes of header lines.
/// Threads: any.
std::string firstText(const HeaderList& headers, std::string_view bodyPrefix, std::size_t limit);

/// The same with line ends as they were sent; a view of `bodyPrefix` where nothing is to be
/// decoded, else of `room`.
std::string_view firstTextAsSent(const HeaderList& headers, std::string_view bodyPrefix,
                                 std::size_t limit, std::string& room);

/// firstText() of parts that have been found already.
std::string firstText(const std::vector<MimePart>& parts, std::size_t limit);

/// A part as its reader sees it, by the same rules.
std::string readableText(const MimePart& part, std::size_t limit);

} // namespace sluice
