// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/metrics_snapshot.hh"
#include "milter/adapters/redis_client.hh"
#include "milter/session.hh"

#include <optional>
#include <vector>

namespace sluice {

/// What the services have counted. `nodes`: those of the store; nothing for the one in memory.
MetricsSnapshot readMetrics(const SessionServices& services,
                            const std::optional<std::vector<RedisNodeStatus>>& nodes);

} // namespace sluice
