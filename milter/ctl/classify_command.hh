// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/command.hh"

namespace sluice::ctl {

/// `classify [--json] FILE…`: the class of stored messages, with the evidence.
extern const Command classifyCommand;

} // namespace sluice::ctl
