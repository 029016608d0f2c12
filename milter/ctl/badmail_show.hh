// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/badmail_archive.hh"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>

/// Stored messages for people and for programs.
namespace sluice::ctl {

using Json = nlohmann::ordered_json;

/// So much of a message is read for its header.
constexpr std::size_t longestHeader = 1UL << 20;

Json badmailJson(const StoredBadmail& mail);
/// With the fields of the header that `text` begins with.
Json badmailJson(const StoredBadmail& mail, std::string_view text);

void showBadmailLine(const StoredBadmail& mail, std::ostream& out);
/// With the header that `text` begins with.
void showBadmail(const StoredBadmail& mail, std::string_view text, std::ostream& out);

} // namespace sluice::ctl
