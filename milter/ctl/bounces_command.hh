// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/command.hh"

namespace sluice::ctl {

/// `sluicectl bounces`
extern const Command bouncesCommand;

} // namespace sluice::ctl
