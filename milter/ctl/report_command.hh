// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/command.hh"

namespace sluice::ctl {

extern const Command reportCommand;

} // namespace sluice::ctl
