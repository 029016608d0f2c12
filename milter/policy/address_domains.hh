// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Where the domain of an address stands in the text of a header field.
struct AddressDomain {
    std::size_t begin = 0; ///< of its first octet
    std::size_t end = 0;   ///< behind its last one
    std::string name;      ///< as written, without the blanks and comments in it
    std::string comments;  ///< those in it, as written
};

/// A longer text has no address.
constexpr std::size_t longestAddressField = 64UL * 1024;

/// The domains of all addresses in the value of a field like From: (RFC 5322 section 3.4, with
/// groups, source routes, comments and folds), or in the argument of MAIL, in their order. What
/// stands in a display name, a comment or a route is no address. Before a `<` anything is taken for
/// a display name. Nothing where the text is no such list, so that one can be sure of what is
/// found: brackets, quotes or comments that are not closed, control characters, two `@` in an
/// address. Takes time in proportion to the text. Threads: any.
std::optional<std::vector<AddressDomain>> addressDomains(std::string_view value);

} // namespace sluice
