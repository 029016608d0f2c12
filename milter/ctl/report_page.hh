// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/html.hh"
#include "milter/ctl/report.hh"

namespace sluice::ctl {

/// A page for a browser that needs nothing else: no network, no script. It is well-formed XML too.
Html reportPage(const Report& report, const TrackingTally& tally);

/// "From 10:15 to 11:30: 12,340 messages, 15 times the usual; 62% of them between a and b."
Html stormWords(const Report& report, const Storm& storm);

} // namespace sluice::ctl
