// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/audit/mail_lists.hh"

#include <iosfwd>

namespace sluice::ctl::audit {

/// For people: the findings with what to write, and a line that sums up.
void showText(const Review& review, const Findings& findings, std::ostream& out);

/// For programs: one JSON object.
void showJson(const Review& review, const Findings& findings, std::ostream& out);

} // namespace sluice::ctl::audit
