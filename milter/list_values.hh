// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/config_values.hh"
#include "milter/policy/list_settings.hh"

#include <string_view>

/// The options of lists, from text to type.
namespace sluice {

/// `ADDRESS [return-path=…] [bounces-to=ADDR] [accept-from=…] [only-from=…] [except=…]`. Error:
/// another form.
Result<MailingList> parseList(std::string_view text);

/// Reports and notices must end at a person: a list would multiply them, a robot would answer. The
/// error names the `role` of the address.
Result<void> endsAtPerson(const ListSettings& lists, std::string_view role,
                          const MailAddress& address);

/// Reads all options of the area. Refuses, at the place of the list, what would send reports in a
/// circle: an owner, a manager or a bounces-to that is a list or a robot.
void readLists(SettingsReader& reader, ListSettings& lists);

} // namespace sluice
