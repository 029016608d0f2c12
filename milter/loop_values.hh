// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/config_values.hh"
#include "milter/policy/loop_policy.hh"

#include <string_view>

/// The options of loops, from text to type.
namespace sluice {

/// `NAME net=NET,… domain=DOMAIN,…`. Error: another form, or one of the two missing.
Result<Peer> parsePeer(std::string_view text);

/// Reads all options of the area; `lists` are read already.
void readLoops(SettingsReader& reader, const ListSettings& lists, LoopPolicySettings& loops);

} // namespace sluice
