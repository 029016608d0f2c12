// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice {

/// What a reader sees of HTML: no tags, comments, scripts and styles; blocks on lines of their own;
/// the usual entities. Never fails: what is not by the rules is text. At most `limit` octets; time
/// is linear. Threads: any.
std::string textOfHtml(std::string_view html, std::size_t limit);

} // namespace sluice
