// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/control_protocol.hh"
#include "milter/session.hh"

namespace sluice {

/// Says what the filter would do with a connection and a message that somebody thinks up, by the
/// same policy, with the answers that DNS and directories give now. Nothing is counted, kept or
/// changed by it: what depends on mail that came before (harvest-limit, loops, duplicates) is
/// judged as if this was the first. Threads: one at a time.
class Explainer {
public:
    explicit Explainer(SessionServices& services) : services_(services) {}

    /// Arguments, all optional: client_ip, client_name, helo, listener, port, authenticated (yes),
    /// from, rcpt (one a line), next_hop, message (armoured, see control_protocol), octets (of all
    /// the message, when it is not sent as a whole). Error: one of them cannot be read.
    control::Reply explain(const control::Request& request);

private:
    SessionServices& services_;
};

} // namespace sluice
