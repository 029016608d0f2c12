// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/command.hh"

namespace sluice::ctl {

/// `sluicectl mx`
extern const Command mxCommand;

} // namespace sluice::ctl
