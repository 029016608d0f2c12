// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/ports.hh"

#include <chrono>
#include <cstddef>
#include <memory>

namespace sluice {

/// Whom the count is of: an IPv4 address, or the /64 of an IPv6 one.
IpAddress harvestNetwork(const IpAddress& client);

/// Counts in this process's memory. At most `maxClients` clients are remembered; then those whose
/// last unknown recipient is longest ago are forgotten first.
std::shared_ptr<HarvestCounter> makeMemoryHarvestCounter(std::chrono::milliseconds window,
                                                         std::size_t maxClients = 100'000);

} // namespace sluice
