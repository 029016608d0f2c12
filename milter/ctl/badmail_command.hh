// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/command.hh"

namespace sluice::ctl {

/// `sluicectl badmail`: lists, shows, releases and deletes what sender-action = badmail has stored.
extern const Command badmailCommand;

} // namespace sluice::ctl
