// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/mta_context.hh"
#include "milter/runtime.hh"

namespace sluice {

/// What the MTA agreed to in option negotiation.
struct Negotiated {
    bool done = false;            ///< false: a connection that follows QUIT_NC
    bool noReplyToHeaders = true; ///< for headers, end of headers and body alike
    bool leadingSpace = true;     ///< header values come, and go, with their leading blank
    bool allEdits = true;         ///< the MTA lets us do all that the configuration needs
};

/// SMFIF_* and SMFIP_*, as the MTA offers them or as we answer.
struct MilterOptions {
    unsigned long actions = 0;
    unsigned long steps = 0;
};

/// Picks from the offer what is needed, and asks for the macros of each stage. `answer` is for the
/// MTA.
Negotiated negotiate(const MtaContext& mta, const MilterNeeds& needs, const MilterOptions& offer,
                     MilterOptions& answer);

} // namespace sluice
