// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/command.hh"

namespace sluice::ctl {

/// `simulate [--json] [--depth N] [--memory TIME] FILE…`: runs stored mail through the loop engine
/// in its own time.
extern const Command simulateCommand;

} // namespace sluice::ctl
