// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/report_page.hh"

#include "common/text.hh"
#include "milter/ctl/report_charts.hh"
#include "milter/ctl/report_style.hh"
#include "milter/ctl/report_tables.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace sluice::ctl {
namespace {

constexpr std::size_t mostNodes = 20;
/// Of this many days the numbers of each quarter of an hour are listed, of more those of each day.
constexpr std::size_t mostDaysByQuarter = 2;

std::string timesTheUsual(const Storm& storm) {
    const std::string whose = storm.bySameDay ? "that of the rest of the day" : "the usual";
    if (storm.usual < 1)
        return storm.bySameDay ? "with none in the rest of the day"
                               : "where there are usually none";
    constexpr double exact = 10;
    const double times = static_cast<double>(sumOf(storm.counts)) / storm.usual;
    return times < exact
               ? fmt::format("{:.1f} times {}", times, whose)
               : fmt::format("{} times {}", grouped(static_cast<std::uint64_t>(std::lround(times))),
                             whose);
}

Html pairWords(const Storm& storm) {
    if (storm.between == 0)
        return markup(".");
    const std::uint64_t all = sumOf(storm.counts);
    const bool most = storm.between * 2 > all;
    const std::string share = most ? "most" : percent(storm.between, all);
    return markup(fmt::format("; {} of them between ", share)) + shown(storm.one) +
           markup(" and ") + shown(storm.other) +
           markup(most ? fmt::format(" ({}).", grouped(storm.between)) : ".");
}

std::string period(const ReportRequest& request) {
    const std::string first = formatCivilDay(request.first);
    return request.first == request.last
               ? first
               : fmt::format("{} to {}", first, formatCivilDay(request.last));
}

Html nodesOf(const ReportTotals& totals) {
    Html html;
    for (const auto& [node, entry] : totals.nodes.top(mostNodes))
        html += (html.text.empty() ? Html() : markup(", ")) + shown(node, 80);
    return html;
}

Html head(const Report& report) {
    const ReportRequest& request = report.request();
    Html html = markup("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
                       "&#39;none&#39;; style-src &#39;unsafe-inline&#39;\"/>\n<title>");
    html += htmlText(escapeForDisplay(request.title)) +
            markup(fmt::format(" {}</title>\n<style>{}</style></head><body>\n<header><h1>",
                               period(request), reportStyle));
    html += shown(request.title) + markup(fmt::format("</h1>\n<p>{}", period(request)));
    if (report.totals().nodes.size() > 0)
        html += markup(" · ") + nodesOf(report.totals());
    return html +
           markup(fmt::format(" · <span class=\"soft\">made {} {}</span></p></header>\n"
                              "<main>\n",
                              formatCivilDay(localDay(request.now)), clockText(request.now)));
}

Html stormSection(const Report& report, const std::vector<Storm>& storms) {
    Html html;
    for (const Storm& storm : storms)
        html += markup("<p class=\"alarm\" role=\"note\">") + stormWords(report, storm) +
                markup("</p>\n");
    if (storms.empty())
        html += markup("<p>No quarter of an hour stands out.</p>\n");
    return html;
}

/// Up to now: the rest of the day has no messages yet.
double usualSoFar(const Report& report) {
    const ReportTraffic& traffic = report.traffic();
    double sum = 0;
    for (std::size_t day = traffic.firstDay(); day < traffic.days(); ++day) {
        const std::vector<double> usual = traffic.usual(day);
        for (std::size_t quarter = 0; quarter < usual.size(); ++quarter)
            if (traffic.calendar(day).beginOfQuarter(quarter) < report.request().now)
                sum += usual[quarter];
    }
    return sum;
}

Html tiles(const Report& report) {
    const ReportTraffic& traffic = report.traffic();
    OutcomeCounts sum{};
    std::size_t compared = 0;
    for (std::size_t day = traffic.firstDay(); day < traffic.days(); ++day) {
        compared = std::max(compared, traffic.daysBefore(day));
        for (std::size_t quarter = 0; quarter < traffic.calendar(day).quarters(); ++quarter)
            sum += traffic.at(day, quarter);
    }
    const auto tile = [](std::string_view style, const std::string& value, std::string_view words) {
        return markup(fmt::format("<li class=\"{}\"><b>{}</b>{}</li>\n", style, value, words));
    };
    Html html = markup("<ul class=\"tiles\">\n");
    for (std::size_t outcome = 0; outcome < outcomeCount; ++outcome)
        html += tile(outcomeStyles[outcome], grouped(sum[outcome]), outcomeNames[outcome]);
    html +=
        compared == 0
            ? tile("usual", "–", "usual: no day before is in the log")
            : tile("usual", grouped(static_cast<std::uint64_t>(std::lround(usualSoFar(report)))),
                   fmt::format("usual in all, by {} before", counted(compared, "day", "days")));
    return html + markup("</ul>\n");
}

std::vector<Html> numberCells(const std::string& label, const OutcomeCounts& counts,
                              const std::string& usual) {
    std::vector<Html> cells{markup(label)};
    for (const std::uint64_t count : counts)
        cells.push_back(markup(grouped(count)));
    cells.push_back(markup(usual));
    return cells;
}

Html numbersOf(const ReportTraffic& traffic) {
    const bool byQuarter = traffic.days() - traffic.firstDay() <= mostDaysByQuarter;
    HtmlTable table({{byQuarter ? "From" : "Day"},
                     {outcomeNames[0], true},
                     {outcomeNames[1], true},
                     {outcomeNames[2], true},
                     {outcomeNames[3], true},
                     {"usual", true}});
    for (std::size_t day = traffic.firstDay(); day < traffic.days(); ++day) {
        const ReportDay& calendar = traffic.calendar(day);
        const std::string name = formatCivilDay(calendar.day());
        const std::vector<double> usual = traffic.usual(day);
        OutcomeCounts sum{};
        double usualSum = 0;
        for (std::size_t quarter = 0; quarter < calendar.quarters(); ++quarter) {
            const double expected = usual.empty() ? 0 : usual[quarter];
            sum += traffic.at(day, quarter);
            usualSum += expected;
            if (byQuarter)
                table.row(numberCells(name + ' ' + calendar.label(quarter),
                                      traffic.at(day, quarter),
                                      usual.empty() ? "–" : fmt::format("{:.0f}", expected)));
        }
        if (!byQuarter)
            table.row(
                numberCells(name, sum, usual.empty() ? "–" : fmt::format("{:.0f}", usualSum)));
    }
    return markup("<details><summary>The numbers</summary>\n") + table.html() +
           markup("</details>\n");
}

Html foot(const Report& report, const TrackingTally& tally) {
    Html html = markup("</main>\n<footer class=\"soft\">\n");
    const auto line = [&](const Html& text) { html += markup("<p>") + text + markup("</p>\n"); };
    line(markup("A command that was refused counts as a message. Usual is the median of the same "
                "quarter of an hour of the days before."));
    Html logs;
    for (const std::string& log : report.request().logs)
        logs += (logs.text.empty() ? Html() : markup(", ")) + shown(log);
    line(markup("From ") + logs +
         markup(fmt::format(": {}.", counted(tally.lines, "line", "lines"))));
    if (report.totals().observed() > 0)
        line(markup(counted(report.totals().observed(), "event was", "events were") +
                    " only observed: nothing was done (mode observe)."));
    if (tally.unreadable > 0)
        line(markup(counted(tally.unreadable, "line", "lines") +
                    " could not be read; the first is ") +
             shown(tally.firstUnreadable) + markup("."));
    for (const std::string& problem : tally.problems)
        line(shown(problem) + markup("."));
    return html + markup("</footer></body></html>\n");
}

} // namespace

Html stormWords(const Report& report, const Storm& storm) {
    const ReportDay& calendar = report.traffic().calendar(storm.day);
    const bool several = report.request().first != report.request().last;
    const std::string on =
        several ? fmt::format("On {} from", formatCivilDay(calendar.day())) : "From";
    return markup(fmt::format("<strong>{} {} to {}: {}, {}</strong>", on,
                              calendar.label(storm.first), calendar.label(storm.end),
                              counted(sumOf(storm.counts), "message", "messages"),
                              timesTheUsual(storm))) +
           pairWords(storm);
}

Html reportPage(const Report& report, const TrackingTally& tally) {
    const std::vector<Storm> storms = report.traffic().storms();
    return head(report) + stormSection(report, storms) + tiles(report) +
           trafficCharts(report.traffic(), storms) + numbersOf(report.traffic()) +
           loopSection(report) + copySection(report) + listSection(report) + ruleSection(report) +
           dnsblSection(report) + refusedSection(report) + foot(report, tally);
}

} // namespace sluice::ctl
