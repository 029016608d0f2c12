// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/html.hh"
#include "milter/ctl/report_traffic.hh"

#include <array>
#include <string_view>
#include <vector>

namespace sluice::ctl {

/// By outcome: what the legend calls it, and the class of its colour.
constexpr std::array<std::string_view, outcomeCount> outcomeNames{
    "accepted", "refused", "held, dropped or stored", "cut as loop or copy"};
constexpr std::array<std::string_view, outcomeCount> outcomeStyles{"ok", "no", "by", "cut"};

/// The lines across a chart: `step`, twice `step`, … up to `top`, which is no less than the largest
/// value.
struct Scale {
    double top = 0;
    double step = 0;
};
Scale scaleFor(double largest);

/// One chart a reported day, all to the same scale: the messages of each quarter of an hour by
/// outcome, what is usual, and where there is a storm. As wide as the page; no script.
Html trafficCharts(const ReportTraffic& traffic, const std::vector<Storm>& storms);

} // namespace sluice::ctl
