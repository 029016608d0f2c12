// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/audit/rules.hh"
#include "milter/policy/bounce_address.hh"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace sluice::ctl::audit {
namespace {

constexpr std::size_t mostCircles = 20;

class ReportRules {
public:
    ReportRules(const Review& review, Findings& findings)
        : review_(review), mta_(review.mta), findings_(findings) {}

    void target(const MailAddress& address, std::string_view role, const Place& place);
    void bounceDomain(const std::string& domain, const Place& place);
    void bounceMailbox(const ListEntry& entry, const std::string& domain);
    void extensions(const Place& place);
    void circles();
    void ownReports();

private:
    Finding& add(Severity severity, std::string_view code, Place place, std::string what,
                 std::string why) {
        findings_.push_back(
            {severity, code, std::move(place), std::move(what), std::move(why), {}, {}, {}});
        return findings_.back();
    }
    void mend(Finding& finding, std::string line, std::string file) {
        finding.mend.push_back(std::move(line));
        finding.mendFile = std::move(file);
    }
    [[nodiscard]] bool reachesAlias(const MailAddress& address) const {
        return mta_.local.contains(address.domain()) ||
               mta_.virtualAlias.contains(address.domain());
    }
    [[nodiscard]] bool domainsComplete() const {
        return mta_.local.complete && mta_.virtualAlias.complete && mta_.virtualMailbox.complete &&
               mta_.relay.complete;
    }

    const Review& review_;
    const MtaFacts& mta_;
    Findings& findings_;
};

void ReportRules::target(const MailAddress& address, std::string_view role, const Place& place) {
    for (const Alias* const alias : review_.graph.reach(address).aliases) {
        const MailList* const list = review_.listOf(alias);
        if (list == nullptr || !list->large)
            continue;
        Finding& finding = add(
            Severity::high, "reports-to-list", place,
            fmt::format("{} {} leads to the list {}", role, address.text(), list->name()),
            "each report is sent to all its members, and about the dead ones come further reports");
        mend(finding, fmt::format("# {} must be a person", role), review_.sluice.file);
        return;
    }
}

void ReportRules::bounceDomain(const std::string& domain, const Place& place) {
    if (review_.graph.serves(domain) || !domainsComplete())
        return;
    Finding& finding = add(Severity::high, "bounce-domain", place,
                           fmt::format("{} takes no mail for {}, the domain of signed return paths",
                                       nameOf(mta_.mta), domain),
                           "reports about dead members are refused, or leave for another server");
    if (mta_.mta == Mta::postfix)
        mend(finding,
             fmt::format("virtual_alias_domains = {}{}{}", mta_.virtualAliasLine,
                         mta_.virtualAliasLine.empty() ? "" : ", ", domain),
             mta_.source + "/main.cf");
    else
        mend(finding, domain, mta_.localPlace.file);
}

void ReportRules::bounceMailbox(const ListEntry& entry, const std::string& domain) {
    const MailAddress mailbox = sluice::bounceMailbox(entry.address, domain);
    if (!reachesAlias(mailbox) || !mta_.aliasesComplete)
        return;
    if (review_.graph.find(mailbox) != nullptr) {
        target(mailbox, "the mailbox", entry.place);
        return;
    }
    Finding& finding =
        add(Severity::high, "bounce-mailbox", entry.place,
            fmt::format("the signed return path of {} is in the mailbox {}, which is no alias",
                        entry.address.text(), mailbox.text()),
            "the mail server refuses reports before the filter can take them");
    const std::string reader = review_.reportsTo(entry).text();
    if (mta_.local.contains(domain))
        mend(finding, mailbox.local() + ": " + reader, mta_.aliasFile.file);
    else
        mend(finding, mailbox.text() + " " + reader, mta_.virtualFile.file);
}

void ReportRules::extensions(const Place& place) {
    if (mta_.extensions)
        return;
    Finding& finding =
        add(Severity::high, "recipient-delimiter", place,
            "signed return paths are LIST-bounces+SOMETHING, and recipient_delimiter "
            "has no +",
            "the mail server does not find the mailbox, and refuses all reports");
    mend(finding, "recipient_delimiter = +", mta_.source + "/main.cf");
}

void ReportRules::circles() {
    for (const auto& circle : review_.graph.circles(mostCircles)) {
        std::string way;
        for (const Alias* const alias : circle)
            way += alias->name.text() + " -> ";
        way += circle.front()->name.text();
        add(Severity::medium, "alias-loop", circle.front()->place,
            "aliases stand for each other in a circle: " + way,
            "mail to them goes round, and is returned or multiplied");
    }
}

/// A report that the MTA writes itself does not come in by a listener.
void ReportRules::ownReports() {
    if (mta_.mta != Mta::postfix)
        return;
    const auto called = std::any_of(
        mta_.localMailMilters.begin(), mta_.localMailMilters.end(),
        [&](const MilterUse& use) { return isSame(use.endpoint, review_.sluice.socket); });
    if (mta_.filtersReports && !called && !mta_.localMailMilters.empty()) {
        mend(add(Severity::medium, "non-smtpd-milters", mta_.localMailPlace,
                 "internal_mail_filter_classes sends the mail server's own reports through "
                 "non_smtpd_milters, which does not name sluice",
                 "sluice does not see the reports that it should keep from lists and robots"),
             "non_smtpd_milters = " + socketForPostfix(review_), mta_.source + "/main.cf");
        return;
    }
    std::string whose;
    for (const MailAddress& robot : review_.sluice.robots)
        if (review_.graph.serves(robot.domain()))
            whose = "the robot " + robot.text();
    for (const MailList& list : review_.lists)
        if (list.ownerLeadsBack && !list.known.empty() && review_.isGuarded(*list.owner))
            whose = "the list " + list.name();
    if (whose.empty() || (mta_.filtersReports && called))
        return;
    Finding& finding =
        add(Severity::medium, "own-reports-unfiltered",
            mta_.filtersReports ? mta_.localMailPlace : mta_.filtersReportsPlace,
            "reports that the mail server writes itself do not pass sluice "
            "(internal_mail_filter_classes, non_smtpd_milters), and may go to " +
                whose,
            "a robot answers them and a list multiplies them, as if no filter were there");
    mend(finding, "internal_mail_filter_classes = bounce", mta_.source + "/main.cf");
    if (!called)
        finding.mend.push_back("non_smtpd_milters = " + socketForPostfix(review_));
}

} // namespace

void reviewReports(const Review& review, Findings& findings) {
    ReportRules rules(review, findings);
    std::set<std::string> domains;
    std::set<std::string> targets;
    const auto targetOnce = [&](const MailAddress& address, std::string_view role,
                                const Place& place) {
        if (targets.insert(address.key()).second)
            rules.target(address, role, place);
    };
    bool delimited = false;
    for (const ListEntry& entry : review.sluice.lists) {
        const bool isSigned = entry.returnPath == ReturnPath::signedAddress;
        if (entry.returnPath == ReturnPath::owner)
            targetOnce(entry.returnTo, "the owner", entry.place);
        if (isSigned || entry.bouncesTo)
            targetOnce(entry.bouncesTo.value_or(review.reportsTo(entry)), "bounces-to",
                       entry.place);
        if (!isSigned)
            continue;
        const std::string& domain = review.sluice.bounceDomain.empty() ? entry.address.domain()
                                                                       : review.sluice.bounceDomain;
        if (domains.insert(domain).second)
            rules.bounceDomain(domain, entry.place);
        if (!std::exchange(delimited, true))
            rules.extensions(entry.place);
        rules.bounceMailbox(entry, domain);
    }
    if (review.sluice.reportCopy)
        targetOnce(*review.sluice.reportCopy, "report-copy", {review.sluice.file, 0});
    if (review.sluice.notify)
        targetOnce(*review.sluice.notify, "notify", {review.sluice.file, 0});
    rules.circles();
    rules.ownReports();
}

} // namespace sluice::ctl::audit
