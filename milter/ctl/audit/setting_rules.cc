// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/audit/rules.hh"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::ctl::audit {
namespace {

/// Honest mail passes some ten servers; a loop goes on until the limit.
constexpr std::uint64_t fewestHops = 10;
constexpr std::uint64_t mostHops = 100;
constexpr std::size_t mostLines = 10;

std::string mainFile(const MtaFacts& mta) {
    return mta.mta == Mta::postfix ? mta.source + "/main.cf" : "sendmail.mc";
}

void hopLimit(const MtaFacts& mta, Findings& findings) {
    const std::uint64_t limit = mta.hopLimit.value;
    if (limit >= fewestHops && limit <= mostHops)
        return;
    const bool sendmail = mta.mta == Mta::sendmail;
    findings.push_back({Severity::low,
                        "hop-limit",
                        mta.hopLimit.place,
                        fmt::format("{} is {}", sendmail ? "MaxHopCount" : "hopcount_limit", limit),
                        limit > mostHops
                            ? "a message in a loop that sluice does not see turns so often"
                            : "honest mail that is forwarded a few times is returned",
                        {},
                        {sendmail ? "define(`confMAX_HOP', `50')dnl" : "hopcount_limit = 50"},
                        mainFile(mta)});
}

/// Mail to LIST@HOST reaches the aliases by a name that the rules do not know.
void hostName(const Review& review, Findings& findings) {
    std::vector<std::string> lines;
    for (const MailList& list : review.lists)
        for (const MailAddress& address : list.unknown)
            if (address.domain() == review.mta.hostName && !list.known.empty())
                lines.push_back("list = " + address.text() + list.known.front()->options);
    if (lines.empty())
        return;
    const std::size_t count = lines.size();
    if (count > mostLines)
        lines.resize(mostLines);
    if (review.mta.mta == Mta::postfix)
        lines.push_back(fmt::format("# or take {} out of mydestination", review.mta.hostName));
    findings.push_back(
        {Severity::low,
         "host-name-domain",
         review.mta.localPlace,
         fmt::format("the mail server's own name {} is a mail domain, in which {} list{} answer{} "
                     "that sluice does not know there",
                     review.mta.hostName, count, count == 1 ? "" : "s", count == 1 ? "s" : ""),
         "reports and robots use such names; mail by them passes none of the rules of the list",
         {},
         std::move(lines),
         review.sluice.file});
}

} // namespace

void reviewSettings(const Review& review, Findings& findings) {
    const MtaFacts& mta = review.mta;
    hopLimit(mta, findings);
    hostName(review, findings);
    if (!mta.keepsOriginalRecipient && !review.sluice.lists.empty())
        findings.push_back({Severity::medium,
                            "original-recipient",
                            mta.originalRecipientPlace,
                            "enable_original_recipient is no",
                            "Postfix may not find the recipient that sluice takes away from a "
                            "report, and expands the list",
                            {},
                            {"enable_original_recipient = yes"},
                            mainFile(mta)});
    if (!mta.longQueueIds && review.sluice.tracks)
        findings.push_back({Severity::info,
                            "short-queue-ids",
                            mta.longQueueIdsPlace,
                            "enable_long_queue_ids is no",
                            "queue ids come again after a while, so that the tracking log finds "
                            "more than one message by an id",
                            {},
                            {"enable_long_queue_ids = yes"},
                            mainFile(mta)});
}

Findings reviewAll(const Review& review) {
    Findings findings = review.mta.remarks;
    reviewLists(review, findings);
    reviewReports(review, findings);
    reviewMilters(review, findings);
    reviewSettings(review, findings);
    std::stable_sort(findings.begin(), findings.end(),
                     [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
    return findings;
}

} // namespace sluice::ctl::audit
