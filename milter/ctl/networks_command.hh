// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/command.hh"

namespace sluice::ctl {

/// `sluicectl allow` and `sluicectl deny`: networks that are let in or shut out for a while.
extern const Command allowCommand;
extern const Command denyCommand;

} // namespace sluice::ctl
