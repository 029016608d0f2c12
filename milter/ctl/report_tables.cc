// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/report_tables.hh"

#include "common/duration.hh"
#include "milter/policy/duplicate_filter.hh"

#include <fmt/format.h>

#include <string>

namespace sluice::ctl {
namespace {

using Time = std::chrono::system_clock::time_point;

constexpr std::size_t mostRows = 25;
constexpr std::size_t mostParties = 10;

/// Times of a report about one day need no date, those of others no year.
class Times {
public:
    explicit Times(const ReportRequest& request) : withDay_(request.first != request.last) {}

    [[nodiscard]] Html operator()(Time time) const {
        const std::string monthAndDay = formatCivilDay(localDay(time)).substr(5);
        return markup(withDay_ ? fmt::format("{} {}", monthAndDay, clockText(time))
                               : clockText(time));
    }

private:
    bool withDay_;
};

Html number(std::uint64_t value) {
    return markup(grouped(value));
}

Html heading(std::string_view text) {
    return markup(fmt::format("<h2>{}</h2>\n", text));
}

Html soft(const Html& text) {
    return markup("<p class=\"soft\">") + text + markup("</p>\n");
}

Html address(std::string_view text) {
    return text.empty() ? markup("&lt;&gt;") : shown(text);
}

/// The table, or that there is nothing in it; and what it leaves out.
template<typename Value>
Html tableOf(const HtmlTable& table, const TopTable<Value>& all, std::string_view none,
             std::size_t rows = mostRows) {
    if (table.empty())
        return soft(markup(std::string(none)));
    Html html = table.html();
    if (all.forgotten() > 0)
        html += soft(markup(fmt::format("There were more than {} different ones: those seen "
                                        "rarely are left out, and the numbers are lower bounds.",
                                        grouped(all.size()))));
    else if (all.size() > rows)
        html += soft(markup(fmt::format("And {} more.", grouped(all.size() - rows))));
    return html;
}

Html actionsOf(const LoopPair& pair) {
    Html html;
    for (const auto& [action, count] : pair.actions)
        html += (html.text.empty() ? Html() : markup(", ")) + shown(action, 40) +
                markup(fmt::format(" {}", grouped(count)));
    return html;
}

Html partyTable(const TopTable<RefusedParty>& parties, std::string_view name, const Times& at) {
    HtmlTable table({{name}, {"Refusals", true}, {"Last rule"}, {"First", true}, {"Last", true}});
    for (const auto& [key, entry] : parties.top(mostParties))
        table.row({address(entry.value.name), number(entry.count), shown(entry.value.lastRule),
                   at(entry.value.span.first), at(entry.value.span.last)});
    return tableOf(table, parties, "None.", mostParties);
}

} // namespace

Html loopSection(const Report& report) {
    const auto& loops = report.totals().loops;
    const Times at(report.request());
    HtmlTable table({{"Return path"},
                     {"Recipient"},
                     {"Messages", true},
                     {"First", true},
                     {"Last", true},
                     {"Done"},
                     {"Why"}});
    for (const auto& [key, entry] : loops.top(mostRows)) {
        const LoopPair& pair = entry.value;
        Html to = address(pair.to);
        if (pair.others)
            to += markup(" and others");
        table.row({address(pair.from), to, number(entry.count), at(pair.span.first),
                   at(pair.span.last), actionsOf(pair), shown(pair.reason)});
    }
    return heading("Loops") + tableOf(table, loops, "No message was found in a loop.");
}

Html copySection(const Report& report) {
    const auto& copies = report.totals().copies;
    const Times at(report.request());
    HtmlTable table({{"Message-ID"},
                     {"Return path"},
                     {"Client"},
                     {"Copies", true},
                     {"Dropped", true},
                     {"Interval", true},
                     {"First", true},
                     {"Last", true}});
    bool constant = false;
    for (const auto& [key, entry] : copies.top(mostRows)) {
        const Copies& each = entry.value;
        const auto interval = each.interval();
        constant = constant || interval;
        table.row({shown(each.messageId), address(each.from), shown(each.client),
                   number(entry.count), number(each.dropped),
                   markup(interval ? fmt::format("every {}", formatDuration(*interval)) : "varies"),
                   at(each.span.first), at(each.span.last)});
    }
    Html html = heading("Duplicates") + tableOf(table, copies, "No copy was noticed.");
    if (constant)
        html += markup("<p>") + htmlText(duplicateAdvice) + markup("</p>\n");
    return html;
}

Html ruleSection(const Report& report) {
    const auto& rules = report.totals().rules;
    const Times at(report.request());
    const bool observed = report.totals().observed() > 0;
    std::vector<HtmlTable::Column> columns{
        {"Rule"}, {"Event"}, {"Times", true}, {"First", true}, {"Last", true}};
    if (observed)
        columns.push_back({"Observed only", true});
    HtmlTable table(columns);
    for (const auto& [key, entry] : rules.top(mostRows)) {
        const RuleUse& use = entry.value;
        std::vector<Html> cells{shown(use.rule), markup(std::string(nameOf(use.event))),
                                number(entry.count), at(use.span.first), at(use.span.last)};
        if (observed)
            cells.push_back(number(use.observed));
        table.row(cells);
    }
    return heading("Rules") + tableOf(table, rules, "No rule decided anything.");
}

Html dnsblSection(const Report& report) {
    HtmlTable zones({{"DNSBL"},
                     {"Look-ups", true},
                     {"Listed", true},
                     {"Hit rate", true},
                     {"No answer", true},
                     {"Provider errors", true},
                     {"Error rate", true}});
    for (const auto& [key, entry] : report.totals().zones.top(mostRows)) {
        const ZoneCounts& zone = entry.value;
        zones.row({shown(zone.zone), number(zone.queries), number(zone.listed),
                   markup(percent(zone.listed, zone.queries)), number(zone.unknown),
                   number(zone.providerErrors),
                   markup(percent(zone.unknown + zone.providerErrors, zone.queries))});
    }
    constexpr std::string_view prefix = "dnsbl ";
    HtmlTable rules({{"Rule"}, {"Event"}, {"Times", true}});
    std::size_t rows = 0;
    for (const auto& [key, entry] : report.totals().rules.top(ReportTotals::mostKeys))
        if (entry.value.rule.starts_with(prefix) && rows++ < mostRows)
            rules.row({shown(entry.value.rule.substr(prefix.size())),
                       markup(std::string(nameOf(entry.value.event))), number(entry.count)});
    Html html = heading("DNSBL") + tableOf(zones, report.totals().zones, "No look-up was counted.");
    return rules.empty() ? html + soft(markup("No client was refused for a listing."))
                         : html + rules.html();
}

Html listSection(const Report& report) {
    const auto& [totals, at] =
        std::pair<const ReportTotals&, Times>(report.totals(), Times(report.request()));
    HtmlTable refused({{"List or robot"},
                       {"Because of"},
                       {"Done"},
                       {"Messages", true},
                       {"First", true},
                       {"Last", true}});
    for (const auto& [key, entry] : totals.expansions.top(mostRows)) {
        const RefusedExpansion& each = entry.value;
        refused.row({shown(each.address), shown(each.why), shown(each.action), number(entry.count),
                     at(each.span.first), at(each.span.last)});
    }
    HtmlTable members({{"List"}, {"Member"}, {"Reports", true}, {"First", true}, {"Last", true}});
    for (const auto& [key, entry] : totals.members.top(mostRows)) {
        const FailingMember& each = entry.value;
        members.row({shown(each.list), shown(each.member), number(entry.count), at(each.span.first),
                     at(each.span.last)});
    }
    return heading("Mail that lists were not given") +
           tableOf(refused, totals.expansions, "None.") + heading("List members that fail") +
           tableOf(members, totals.members, "No report came back to a list.");
}

Html refusedSection(const Report& report) {
    const Times at(report.request());
    return heading("Clients of refused mail") + partyTable(report.totals().clients, "Client", at) +
           heading("Senders of refused mail") +
           partyTable(report.totals().senders, "Return path", at);
}

} // namespace sluice::ctl
