// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/audit/audit_report.hh"

#include "common/text.hh"
#include "milter/ctl/json_text.hh"

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace sluice::ctl::audit {
namespace {

constexpr std::array severities{Severity::high, Severity::medium, Severity::low, Severity::info};

std::size_t count(const Findings& findings, Severity severity) {
    return static_cast<std::size_t>(
        std::count_if(findings.begin(), findings.end(),
                      [&](const Finding& finding) { return finding.severity == severity; }));
}

std::string counted(std::size_t number, std::string_view what) {
    return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

void show(const Finding& finding, std::ostream& out) {
    fmt::print(out, "{} {}: {}\n", nameOf(finding.severity), finding.code,
               escapeForDisplay(finding.place.text()));
    fmt::print(out, "    {}:\n    {}.\n", escapeForDisplay(finding.what),
               escapeForDisplay(finding.why));
    if (!finding.conditions.empty())
        fmt::print(out, "    Conditions: {}.\n", fmt::join(finding.conditions, ", "));
    if (!finding.mend.empty() && !finding.mendFile.empty())
        fmt::print(out, "    In {}:\n", escapeForDisplay(finding.mendFile));
    else if (!finding.mend.empty())
        fmt::print(out, "    To do:\n");
    constexpr std::size_t longestLine = 4096;
    for (const std::string& line : finding.mend)
        fmt::print(out, "        {}\n", escapeForDisplay(line, longestLine));
    fmt::print(out, "\n");
}

} // namespace

void showText(const Review& review, const Findings& findings, std::ostream& out) {
    for (const Finding& finding : findings)
        show(finding, out);
    fmt::print(out, "{} {}: {}, {}, {}", nameOf(review.mta.mta),
               escapeForDisplay(review.mta.source), counted(review.lists.size(), "list"),
               counted(review.mta.listeners.size(), "listener"),
               counted(findings.size(), "finding"));
    const char* before = ": ";
    for (const Severity severity : severities)
        if (const std::size_t number = count(findings, severity); number > 0) {
            fmt::print(out, "{}{} {}", before, number, nameOf(severity));
            before = ", ";
        }
    fmt::print(out, "\n");
}

void showJson(const Review& review, const Findings& findings, std::ostream& out) {
    using nlohmann::ordered_json;
    ordered_json object;
    object["mta"] = review.mta.mta == Mta::postfix ? "postfix" : "sendmail";
    object["source"] = review.mta.source;
    object["lists"] = review.lists.size();
    object["listeners"] = review.mta.listeners.size();
    object["findings"] = ordered_json::array();
    for (const Finding& finding : findings) {
        ordered_json one;
        one["severity"] = nameOf(finding.severity);
        one["code"] = finding.code;
        one["file"] = finding.place.file;
        one["line"] = finding.place.line;
        one["what"] = finding.what;
        one["why"] = finding.why;
        one["conditions"] = finding.conditions;
        one["mend"] = finding.mend;
        one["mend_file"] = finding.mendFile;
        object["findings"].push_back(std::move(one));
    }
    out << jsonLine(object);
}

} // namespace sluice::ctl::audit
