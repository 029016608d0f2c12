// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/audit/postfix_settings.hh"

#include <string_view>
#include <vector>

namespace sluice::ctl::audit {

/// What a milter has where it does not say otherwise itself.
struct MilterDefaults {
    MilterUse::WhenAway whenAway = MilterUse::WhenAway::tempfail;
    std::chrono::seconds connect{30};
    std::chrono::seconds command{30};
    std::chrono::seconds content{300};
};

/// The value of smtpd_milters or non_smtpd_milters: sockets, and `{ SOCKET, NAME = VALUE … }`.
/// Relative paths are below `queueDirectory`.
std::vector<MilterUse> parsePostfixMilters(std::string_view value, const MilterDefaults& defaults,
                                           const std::string& queueDirectory, const Place& place);

/// The milters of each smtpd, and those of mail that comes in without it.
void readPostfixMilters(const PostfixSettings& settings, MtaFacts& facts);

} // namespace sluice::ctl::audit
