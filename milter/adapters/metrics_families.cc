// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/metrics_families.hh"

#include <chrono>
#include <map>
#include <utility>

namespace sluice {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;
using Zone = MetricsSnapshot::Zone;

double secondsOf(std::chrono::nanoseconds duration) {
    return std::chrono::duration<double>(duration).count();
}

void add(MetricFamily& family, double value, Labels labels) {
    ClientMetric metric;
    metric.label = std::move(labels);
    (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    family.metric.push_back(std::move(metric));
}

MetricFamily counter(const std::string& name, const std::string& help, std::uint64_t value) {
    MetricFamily family{name, help, MetricType::Counter, {}};
    add(family, static_cast<double>(value), {});
    return family;
}

std::map<std::string, Zone> byName(const std::vector<Zone>& zones) {
    std::map<std::string, Zone> merged;
    for (const Zone& zone : zones) {
        Zone& sum = merged[zone.name];
        sum.queries += zone.queries;
        sum.listed += zone.listed;
        sum.notListed += zone.notListed;
        sum.unknown += zone.unknown;
        sum.providerErrors += zone.providerErrors;
        sum.suspendedIpv4 |= zone.suspendedIpv4;
        sum.suspendedIpv6 |= zone.suspendedIpv6;
        sum.answerTimes += zone.answerTimes;
    }
    return merged;
}

struct ZoneCounter {
    const char* name;
    const char* help;
    std::uint64_t Zone::*value;
};

constexpr ZoneCounter zoneCounters[] = {
    {"sluice_dnsbl_queries_total", "Questions about clients to a DNSBL", &Zone::queries},
    {"sluice_dnsbl_listed_total", "Answers that list the client", &Zone::listed},
    {"sluice_dnsbl_not_listed_total", "Answers that do not list the client", &Zone::notListed},
    {"sluice_dnsbl_unknown_total", "Questions without a usable answer in time", &Zone::unknown},
    {"sluice_dnsbl_provider_errors_total", "Answers with an error of the provider",
     &Zone::providerErrors},
};

void addZones(const std::vector<Zone>& all, std::vector<MetricFamily>& families) {
    const auto zones = byName(all);
    if (zones.empty())
        return;
    for (const ZoneCounter& each : zoneCounters) {
        MetricFamily family{each.name, each.help, MetricType::Counter, {}};
        for (const auto& [name, zone] : zones)
            add(family, static_cast<double>(zone.*each.value), {{"zone", name}});
        families.push_back(std::move(family));
    }
    MetricFamily suspended{"sluice_dnsbl_suspended",
                           "Whether the DNSBL has failed its test and matches nothing",
                           MetricType::Gauge,
                           {}};
    MetricFamily times{"sluice_dnsbl_answer_seconds",
                       "How long answers took that did not come from the cache",
                       MetricType::Histogram,
                       {}};
    for (const auto& [name, zone] : zones) {
        add(suspended, zone.suspendedIpv4 ? 1 : 0, {{"zone", name}, {"family", "ipv4"}});
        add(suspended, zone.suspendedIpv6 ? 1 : 0, {{"zone", name}, {"family", "ipv6"}});
        times.metric.push_back(histogramOf(zone.answerTimes, {{"zone", name}}));
    }
    families.push_back(std::move(suspended));
    families.push_back(std::move(times));
}

void addStore(const MetricsSnapshot& snapshot, std::vector<MetricFamily>& families) {
    families.push_back(gauge("sluice_store_available",
                             "Whether all servers of the store answer; 1 for the one in memory",
                             snapshot.storeAvailable ? 1 : 0));
    if (snapshot.storeNodes.empty())
        return;
    std::map<std::string, bool> nodes;
    for (const auto& node : snapshot.storeNodes) {
        const auto [known, isNew] = nodes.emplace(node.address, node.available);
        known->second = known->second && node.available;
    }
    MetricFamily family{"sluice_store_node_available",
                        "Whether a server of the store is asked: its breaker is closed",
                        MetricType::Gauge,
                        {}};
    for (const auto& [address, available] : nodes)
        add(family, available ? 1 : 0, {{"node", address}});
    families.push_back(std::move(family));
}

} // namespace

ClientMetric histogramOf(const DurationHistogram::Totals& totals, Labels labels) {
    ClientMetric metric;
    metric.label = std::move(labels);
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < DurationHistogram::bounds.size(); ++i) {
        cumulative += totals.counts[i];
        metric.histogram.bucket.push_back({cumulative, secondsOf(DurationHistogram::bounds[i])});
    }
    metric.histogram.sample_count = totals.count();
    metric.histogram.sample_sum = secondsOf(totals.sum);
    return metric;
}

MetricFamily gauge(const std::string& name, const std::string& help, double value, Labels labels) {
    MetricFamily family{name, help, MetricType::Gauge, {}};
    add(family, value, std::move(labels));
    return family;
}

std::vector<MetricFamily> familiesOf(const MetricsSnapshot& snapshot) {
    std::vector<MetricFamily> families;
    families.push_back(gauge("sluice_sessions_open", "Connections of the mail server that are open",
                             static_cast<double>(snapshot.sessions)));
    families.push_back(gauge("sluice_observing",
                             "Whether decisions are only logged (mode = observe)",
                             snapshot.observing ? 1 : 0));
    families.push_back(counter("sluice_log_lines_dropped_total",
                               "Log lines that were dropped because the log is slow",
                               snapshot.logLinesDropped));
    if (snapshot.tracking) {
        families.push_back(counter("sluice_tracking_written_total",
                                   "Lines written to the tracking log",
                                   snapshot.tracking->written));
        families.push_back(counter("sluice_tracking_dropped_total",
                                   "Lines that the tracking log could not take",
                                   snapshot.tracking->dropped));
    }
    addStore(snapshot, families);
    addZones(snapshot.zones, families);
    return families;
}

} // namespace sluice
