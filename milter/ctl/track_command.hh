// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/command.hh"

namespace sluice::ctl {

/// `track [--sender PATTERN] [--recipient PATTERN] …`: searches the tracking log.
extern const Command trackCommand;

} // namespace sluice::ctl
