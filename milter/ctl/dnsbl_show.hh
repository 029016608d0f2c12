// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/dnsbl_questions.hh"

#include <iosfwd>
#include <vector>

namespace sluice::ctl {

/// All that `dnsbl test` has found out.
struct DnsblReport {
    const DnsblRules& rules;
    const std::vector<DnsblZoneFindings>& findings; ///< one a zone of the rules
    const std::vector<IpAddress>& addresses;
    const std::vector<DnsblDecision>& decisions; ///< one an address
};

/// For people. The names of zones are those that may be shown.
void showDnsbl(const DnsblReport& report, std::ostream& out);
/// One object on a line.
void showDnsblJson(const DnsblReport& report, std::ostream& out);

} // namespace sluice::ctl
