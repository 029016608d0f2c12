// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/mx_round.hh"

#include <iosfwd>
#include <map>
#include <string>
#include <vector>

namespace sluice::ctl {

/// A table for each domain.
void showMx(const MxRound& round, std::ostream& out);

/// The same as one JSON object on a line.
void showMxJson(const MxRound& round, std::ostream& out);

/// Tells what has changed from one round to the next.
class MxChanges {
public:
    /// A line for each domain, MX and server that is another than in the round before; in the first
    /// round for each that is not well, and each server. What another answer of the same kind says
    /// is no change.
    std::vector<std::string> take(const MxRound& round);

private:
    struct State {
        std::string kinds;
        std::string text;
        bool isServer;
    };
    /// By `DOMAIN`, `DOMAIN MX` and `DOMAIN MX ADDRESS`.
    using States = std::map<std::string, State>;

    static States statesOf(const MxRound& round);
    static bool isUnknown(const std::string& name, const MxRound& round);

    States states_;
};

} // namespace sluice::ctl
