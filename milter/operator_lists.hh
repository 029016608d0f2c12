// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/locked.hh"
#include "milter/policy/connection_filter.hh"
#include "milter/policy/store.hh"

#include <memory>
#include <string>
#include <vector>

namespace sluice {

/// The networks that an operator has let in or shut out while the filter runs, as the store has
/// them for all nodes. Held here, so that a connection asks no store. Threads: any.
class OperatorLists {
public:
    explicit OperatorLists(Store& store) : store_(store) {}

    [[nodiscard]] std::shared_ptr<const OperatorNetworks> networks() const {
        return networks_.get();
    }
    /// Takes up what has changed, on whatever node. While the store is unavailable all stays as it
    /// is.
    void refresh(SteadyTime now);

private:
    Store& store_;
    Locked<std::vector<std::string>> known_; ///< labels that `networks_` was made from
    Snapshot<OperatorNetworks> networks_{std::make_shared<const OperatorNetworks>()};
};

} // namespace sluice
