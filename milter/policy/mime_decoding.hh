// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// The transfer encodings, and the form of header values. Nothing here
/// fails: what is not by the rules is taken as it stands or left out. Time is linear, the result
/// has at most `limit` octets. Threads: any.
namespace sluice {

/// RFC 2045 section 6.7.
std::string decodeQuotedPrintable(std::string_view text, std::size_t limit);
/// RFC 2045 section 6.8; what is not of the alphabet is skipped, and `=` does not end it.
std::string decodeBase64(std::string_view text, std::size_t limit);

/// A header value for people (Subject, a display name): unfolded, encoded words (RFC 2047) decoded;
/// ISO-8859-1 and its kin become UTF-8, other charsets stay as they are.
std::string decodedHeader(std::string_view value, std::size_t limit);

} // namespace sluice
