// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/command.hh"

namespace sluice::ctl {

/// `sluicectl loops`
extern const Command loopsCommand;

} // namespace sluice::ctl
