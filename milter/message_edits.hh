// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/mta_context.hh"
#include "milter/policy/edits.hh"

namespace sluice {

/// Hands the edits to the MTA, at end of message: headers first and the sender behind them, so that
/// a connection that breaks leaves a stamp at most. False: the MTA did not take one of them; the
/// message must be put off then. `leadingSpace`: header values are sent with their leading blank.
[[nodiscard]] bool applyEdits(const MtaContext& mta, const Edits& edits, bool leadingSpace);

} // namespace sluice
