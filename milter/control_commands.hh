// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/control_protocol.hh"
#include "milter/calendar.hh"
#include "milter/loop_watch.hh"
#include "milter/operator_lists.hh"
#include "milter/policy/store.hh"

#include <functional>
#include <string>
#include <vector>

namespace sluice {

/// What an operator may ask of the running filter, see sluicectl(8). Threads: one at a time.
class ControlCommands {
public:
    struct Actions {
        /// What runs, as `sluicectl status` shows it.
        std::function<nlohmann::json()> status;
        /// Reloads; what was wrong, a line each. Nothing: the new configuration is in force.
        std::function<std::vector<std::string>()> reload;
        /// What would be done with a message, see Explainer.
        std::function<control::Reply(const control::Request&)> explain;
    };

    ControlCommands(Store& store, LoopWatch& loops, OperatorLists& operatorLists, Actions actions)
        : store_(store),
          loops_(loops),
          operatorLists_(operatorLists),
          actions_(std::move(actions)) {}

    /// Error of the reply: an unknown command or argument, the store is unavailable, a reload was
    /// refused.
    control::Reply carryOut(const control::Request& request);

private:
    control::Reply reload();
    control::Reply list(Store::Book book, const control::Request& request);
    control::Reply clear(Store::Book book, const control::Request& request);
    control::Reply addNetwork(Store::Book book, const control::Request& request);
    control::Reply removeNetwork(Store::Book book, const control::Request& request);

    Store& store_;
    LoopWatch& loops_;
    OperatorLists& operatorLists_;
    Actions actions_;
    Calendar calendar_;
};

} // namespace sluice
