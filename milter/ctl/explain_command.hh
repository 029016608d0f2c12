// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/command.hh"

namespace sluice::ctl {

/// `explain --client-ip ADDRESS --from ADDRESS --rcpt ADDRESS… [--message FILE]`: what the running
/// filter would do, and which rules say so.
extern const Command explainCommand;

} // namespace sluice::ctl
