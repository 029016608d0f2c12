// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/html.hh"
#include "milter/ctl/report.hh"

/// The sections of a report that are tables; each with its heading.
namespace sluice::ctl {

Html loopSection(const Report& report);
Html copySection(const Report& report);
Html ruleSection(const Report& report);
Html dnsblSection(const Report& report);
Html listSection(const Report& report);
Html refusedSection(const Report& report);

} // namespace sluice::ctl
