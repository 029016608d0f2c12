// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/audit/mta_facts.hh"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::ctl::audit {

/// The lines of sendmail.cf that are about milters.
struct SendmailFilterLines {
    struct Line {
        std::string text; ///< behind `X` or `=`
        Place place;
    };
    std::vector<Line> filters; ///< Xname, S=…, F=…, T=…
    Line inputFilters;         ///< O InputMailFilters=
    std::vector<Line> daemons; ///< O DaemonPortOptions=
};

/// `NAME, S=SOCKET, F=FLAG, T=C:TIME;S:TIME;R:TIME;E:TIME`, as behind the X. The defaults of
/// Sendmail where a part is missing.
MilterUse parseSendmailFilter(std::string_view text, const Place& place);

/// The listeners, each with its milters.
void readSendmailFilters(const SendmailFilterLines& lines, MtaFacts& facts);

} // namespace sluice::ctl::audit
