// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/ldap_settings.hh"
#include "milter/config_values.hh"

#include <chrono>
#include <string_view>
#include <vector>

/// The options of recipient directories, from text to type.
namespace sluice {

/// One `directory = ldap://…`.
Result<void> addLdapDirectory(std::string_view text, std::vector<LdapSettings>& directories);

/// What the options ldap-* say, which hold for all of them.
void readLdapOptions(SettingsReader& reader, std::vector<LdapSettings>& directories);

/// Up to a week.
Result<std::chrono::milliseconds> parseDirectoryCache(std::string_view text);

} // namespace sluice
