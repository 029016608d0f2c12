// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/command.hh"

namespace sluice::ctl {

/// `audit [--config FILE] [--postfix DIR | --sendmail FILE] [--json]`: reviews the lists and milter
/// settings of the mail server.
extern const Command auditCommand;

} // namespace sluice::ctl
