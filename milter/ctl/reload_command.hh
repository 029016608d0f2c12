// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/command.hh"

namespace sluice::ctl {

/// `sluicectl reload`
extern const Command reloadCommand;

} // namespace sluice::ctl
