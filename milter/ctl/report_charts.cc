// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/report_charts.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>

namespace sluice::ctl {
namespace {

/// Pixels from top to bottom: the plot is between them, the hours stand below.
constexpr int chartHeight = 232;
constexpr int plotTop = 16;
constexpr int plotHeight = 190;
/// Units of the plot, which is stretched to the width of the page.
constexpr double plotUnits = 1000;
/// With more days the numbers of a quarter are not shown under the pointer: the page stays small.
constexpr std::size_t mostDaysWithTips = 7;

struct Chart {
    const ReportTraffic& traffic;
    std::size_t day;
    Scale scale;
    std::vector<double> usual;

    [[nodiscard]] std::size_t quarters() const { return traffic.calendar(day).quarters(); }
    [[nodiscard]] int unitsDown(double messages) const {
        return static_cast<int>(std::lround(plotUnits * (1 - messages / scale.top)));
    }
};

/// The upper edge of what `value(quarter)` gives, as commands of a path; runs of one value are one.
template<typename Value>
std::string edge(const Chart& chart, const Value& value) {
    std::string path;
    int height = -1;
    for (std::size_t quarter = 0; quarter < chart.quarters(); ++quarter) {
        const int next = chart.unitsDown(value(quarter));
        if (next == height)
            continue;
        if (quarter > 0)
            fmt::format_to(std::back_inserter(path), "H{}", quarter);
        fmt::format_to(std::back_inserter(path), "V{}", next);
        height = next;
    }
    return path + fmt::format("H{}", chart.quarters());
}

/// The outcomes on top of each other: each area covers the lower part of the one before.
Html areas(const Chart& chart) {
    Html html;
    for (std::size_t outcome = outcomeCount; outcome-- > 0;) {
        const auto upTo = [&](std::size_t quarter) {
            const OutcomeCounts& counts = chart.traffic.at(chart.day, quarter);
            std::uint64_t sum = 0;
            for (std::size_t below = 0; below <= outcome; ++below)
                sum += counts[below];
            return static_cast<double>(sum);
        };
        html +=
            markup(fmt::format("<path class=\"{}\" d=\"M0 {}{}V{}Z\"/>\n", outcomeStyles[outcome],
                               plotUnits, edge(chart, upTo), plotUnits));
    }
    return html;
}

Html usualLine(const Chart& chart) {
    if (chart.usual.empty())
        return {};
    const std::string line = edge(chart, [&](std::size_t quarter) { return chart.usual[quarter]; });
    return markup(fmt::format("<path class=\"usual\" d=\"M0 {}{}\"/>\n",
                              chart.unitsDown(chart.usual.front()), line));
}

Html stormBands(const Chart& chart, const std::vector<Storm>& storms) {
    Html html;
    for (const Storm& storm : storms)
        if (storm.day == chart.day)
            html += markup(
                fmt::format("<rect class=\"storm\" x=\"{}\" y=\"0\" width=\"{}\" height=\"{}\"/>\n",
                            storm.first, storm.end - storm.first, plotUnits));
    return html;
}

std::string tipText(const Chart& chart, std::size_t quarter) {
    const ReportDay& calendar = chart.traffic.calendar(chart.day);
    std::string text = fmt::format("{}–{}", calendar.label(quarter), calendar.label(quarter + 1));
    const OutcomeCounts& counts = chart.traffic.at(chart.day, quarter);
    for (std::size_t outcome = 0; outcome < outcomeCount; ++outcome)
        if (counts[outcome] > 0)
            text += fmt::format(" · {} {}", grouped(counts[outcome]), outcomeNames[outcome]);
    if (!chart.usual.empty())
        text += fmt::format(" · usual {:.0f}", chart.usual[quarter]);
    return text;
}

Html tips(const Chart& chart) {
    Html html;
    for (std::size_t quarter = 0; quarter < chart.quarters(); ++quarter)
        html += markup(fmt::format("<rect class=\"tip\" x=\"{}\" y=\"0\" width=\"1\" height=\"{}\">"
                                   "<title>{}</title></rect>\n",
                                   quarter, plotUnits, tipText(chart, quarter)));
    return html;
}

Html scaleLines(const Chart& chart) {
    Html html;
    const auto lines = std::lround(chart.scale.top / chart.scale.step);
    for (long line = 0; line <= lines; ++line) {
        const double value = chart.scale.step * static_cast<double>(line);
        const double y = plotTop + plotHeight * (1 - value / chart.scale.top);
        html +=
            markup(fmt::format("<line x1=\"0\" x2=\"100%\" y1=\"{0:.1f}\" y2=\"{0:.1f}\"/>", y));
        if (line > 0)
            html += markup(fmt::format("<text x=\"0\" y=\"{:.1f}\">{}</text>\n", y - 4,
                                       grouped(static_cast<std::uint64_t>(std::lround(value)))));
    }
    return html;
}

/// Each second one has no room on a narrow page.
Html hourTexts(const Chart& chart) {
    constexpr std::size_t apart = 12; // quarters of an hour
    const ReportDay& calendar = chart.traffic.calendar(chart.day);
    const auto text = [](double place, std::string_view how, const std::string& label) {
        return markup(fmt::format("<text x=\"{:.2f}%\" y=\"{}\" {}>{}</text>\n", place,
                                  chartHeight - 8, how, label));
    };
    Html html;
    for (std::size_t quarter = 0; quarter < calendar.quarters(); ++quarter) {
        const std::size_t clock = calendar.clockQuarter(quarter);
        if (clock % apart != 0 || (quarter > 0 && calendar.clockQuarter(quarter - 1) >= clock))
            continue;
        const std::string_view how =
            quarter == 0 ? "text-anchor=\"start\""
                         : (clock % (2 * apart) == 0 ? "text-anchor=\"middle\""
                                                     : "text-anchor=\"middle\" class=\"more\"");
        html +=
            text(100.0 * static_cast<double>(quarter) / static_cast<double>(calendar.quarters()),
                 how, calendar.label(quarter));
    }
    return html + text(100, "text-anchor=\"end\"", calendar.label(calendar.quarters()));
}

std::string description(const Chart& chart) {
    OutcomeCounts sum{};
    std::size_t busiest = 0;
    for (std::size_t quarter = 0; quarter < chart.quarters(); ++quarter) {
        const OutcomeCounts& counts = chart.traffic.at(chart.day, quarter);
        sum += counts;
        if (sumOf(counts) > sumOf(chart.traffic.at(chart.day, busiest)))
            busiest = quarter;
    }
    std::string text = "Stacked areas, a step for each quarter of an hour:";
    for (std::size_t outcome = 0; outcome < outcomeCount; ++outcome)
        text += fmt::format(" {} {},", grouped(sum[outcome]), outcomeNames[outcome]);
    const ReportDay& calendar = chart.traffic.calendar(chart.day);
    if (sumOf(sum) > 0)
        text += fmt::format(" the most at {}: {}.", calendar.label(busiest),
                            grouped(sumOf(chart.traffic.at(chart.day, busiest))));
    else
        text += " no message.";
    return text +
           (chart.usual.empty() ? "" : " A dashed line shows the median of the days before.");
}

Html chartOf(const Chart& chart, const std::vector<Storm>& storms, bool withTips) {
    const std::string day = formatCivilDay(chart.traffic.calendar(chart.day).day());
    Html html = markup(fmt::format(
        "<figure><figcaption>{0}</figcaption>\n<svg class=\"chart\" role=\"img\" "
        "aria-labelledby=\"t{0} d{0}\" width=\"100%\" height=\"{1}\">\n"
        "<title id=\"t{0}\">Messages on {0}</title>\n<desc id=\"d{0}\">{2}</desc>\n"
        "<svg x=\"0\" y=\"{3}\" width=\"100%\" height=\"{4}\" viewBox=\"0 0 {5} {6}\" "
        "preserveAspectRatio=\"none\">\n",
        day, chartHeight, description(chart), plotTop, plotHeight, chart.quarters(), plotUnits));
    html += stormBands(chart, storms) + areas(chart) + usualLine(chart);
    html += markup("</svg>\n<g class=\"scale\">") + scaleLines(chart) + hourTexts(chart) +
            markup("</g>\n");
    if (withTips)
        html += markup(fmt::format("<svg x=\"0\" y=\"{}\" width=\"100%\" height=\"{}\" "
                                   "viewBox=\"0 0 {} {}\" preserveAspectRatio=\"none\">\n",
                                   plotTop, plotHeight, chart.quarters(), plotUnits)) +
                tips(chart) + markup("</svg>\n");
    return html + markup("</svg></figure>\n");
}

} // namespace

Scale scaleFor(double largest) {
    constexpr double lines = 4;
    constexpr double smallest = 4;
    largest = std::max(largest, smallest);
    const double magnitude = std::pow(10, std::floor(std::log10(largest / lines)));
    double step = magnitude;
    for (const double factor : {2.0, 5.0, 10.0})
        if (step * lines < largest)
            step = magnitude * factor;
    return {step * std::ceil(largest / step), step};
}

Html trafficCharts(const ReportTraffic& traffic, const std::vector<Storm>& storms) {
    double largest = 0;
    std::vector<Chart> charts;
    for (std::size_t day = traffic.firstDay(); day < traffic.days(); ++day) {
        if (traffic.calendar(day).quarters() == 0)
            continue;
        charts.push_back({traffic, day, {}, traffic.usual(day)});
        for (const double usual : charts.back().usual)
            largest = std::max(largest, usual);
        for (std::size_t quarter = 0; quarter < charts.back().quarters(); ++quarter)
            largest = std::max(largest, static_cast<double>(sumOf(traffic.at(day, quarter))));
    }
    Html html;
    for (Chart& chart : charts) {
        chart.scale = scaleFor(largest);
        html += chartOf(chart, storms, charts.size() <= mostDaysWithTips);
    }
    return html;
}

} // namespace sluice::ctl
