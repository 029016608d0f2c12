// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/command.hh"

namespace sluice::ctl {

/// `sluicectl completion`: prints the completion of a shell for all commands, made from their
/// usage.
extern const Command completionCommand;

} // namespace sluice::ctl
