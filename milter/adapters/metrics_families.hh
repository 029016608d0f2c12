// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/metrics_snapshot.hh"

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

/// From plain values to families of Prometheus.
namespace sluice {

/// One series of a histogram, in seconds.
prometheus::ClientMetric histogramOf(const DurationHistogram::Totals& totals,
                                     std::vector<prometheus::ClientMetric::Label> labels);

prometheus::MetricFamily gauge(const std::string& name, const std::string& help, double value,
                               std::vector<prometheus::ClientMetric::Label> labels = {});

/// All that is in it. Zones and nodes with equal names become one: Prometheus takes no two series
/// of the same name.
std::vector<prometheus::MetricFamily> familiesOf(const MetricsSnapshot& snapshot);

} // namespace sluice
