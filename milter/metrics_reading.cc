// SPDX-License-Identifier: BSD-2-Clause
#include "milter/metrics_reading.hh"

#include "common/log.hh"

namespace sluice {
namespace {

MetricsSnapshot::Zone zoneOf(const DnsblZoneStatus& status) {
    MetricsSnapshot::Zone zone;
    zone.name = status.zone;
    zone.queries = status.queries;
    zone.listed = status.listed;
    zone.notListed = status.notListed;
    zone.unknown = status.unknown;
    zone.providerErrors = status.providerErrors;
    zone.suspendedIpv4 = status.suspendedIpv4;
    zone.suspendedIpv6 = status.suspendedIpv6;
    zone.answerTimes = status.answerTimes;
    return zone;
}

} // namespace

MetricsSnapshot readMetrics(const SessionServices& services,
                            const std::optional<std::vector<RedisNodeStatus>>& nodes) {
    const auto runtime = services.runtime.get();
    MetricsSnapshot snapshot;
    snapshot.sessions = services.openSessions.count();
    snapshot.observing = runtime->config.observe;
    snapshot.logLinesDropped = log::dropped();
    snapshot.storeAvailable = !nodes || !nodes->empty();
    if (nodes)
        for (const RedisNodeStatus& node : *nodes) {
            snapshot.storeNodes.push_back({node.address, node.available});
            snapshot.storeAvailable = snapshot.storeAvailable && node.available;
        }
    for (const DnsblZoneStatus& zone : services.dnsbl->status())
        snapshot.zones.push_back(zoneOf(zone));
    if (runtime->tracking)
        snapshot.tracking = {runtime->tracking->written(), runtime->tracking->dropped()};
    return snapshot;
}

} // namespace sluice
