// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/command.hh"

namespace sluice::ctl {

/// `keys new [FILE]`: makes a key and puts it on top of a key file.
extern const Command keysCommand;

} // namespace sluice::ctl
