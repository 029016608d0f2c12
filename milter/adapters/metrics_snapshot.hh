// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/duration_histogram.hh"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// What others count or know anyway, as of the moment when somebody asks for the metrics.
struct MetricsSnapshot {
    struct Zone {
        std::string name; ///< as the operator sees it, without a customer's key
        std::uint64_t queries = 0;
        std::uint64_t listed = 0;
        std::uint64_t notListed = 0;
        std::uint64_t unknown = 0;
        std::uint64_t providerErrors = 0;
        bool suspendedIpv4 = false;
        bool suspendedIpv6 = false;
        DurationHistogram::Totals answerTimes;
    };
    struct StoreNode {
        std::string address;
        bool available = false;
    };
    struct Tracking {
        std::uint64_t written = 0;
        std::uint64_t dropped = 0;
    };

    std::size_t sessions = 0;
    bool observing = false;
    bool storeAvailable = false;
    std::vector<StoreNode> storeNodes; ///< none: the store is in memory
    std::vector<Zone> zones;
    std::optional<Tracking> tracking; ///< none: there is no tracking log
    std::uint64_t logLinesDropped = 0;
};

} // namespace sluice
