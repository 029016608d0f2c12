// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/report.hh"

#include <string>

namespace sluice::ctl {

/// What the page tells, for programs: one object on a line. The rows of a table are the most
/// frequent ones; `forgotten` counts keys that are lost, with any of which the numbers are lower
/// bounds.
std::string reportJson(const Report& report, const TrackingTally& tally);

} // namespace sluice::ctl
