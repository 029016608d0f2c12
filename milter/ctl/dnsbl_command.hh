// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/command.hh"

namespace sluice::ctl {

/// `sluicectl dnsbl test`: asks the configured lists, and says what their answers mean.
extern const Command dnsblCommand;

} // namespace sluice::ctl
