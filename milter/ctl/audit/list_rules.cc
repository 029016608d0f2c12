// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/audit/rules.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace sluice::ctl::audit {
namespace {

using Source = Alias::Source;

constexpr std::string_view isOpen = "open-to-outsiders";
constexpr std::string_view hasExternal = "external-members";
constexpr std::string_view comesBack = "reports-to-the-list";
constexpr std::string_view toAuthor = "reports-to-the-author";

constexpr std::size_t mostLines = 10;

std::string membersOf(const MailList& list) {
    if (list.external == 0)
        return fmt::format("members: {}, none outside", list.members);
    return fmt::format("members: {}, of whom {} outside, as {}", list.members, list.external,
                       list.oneExternal);
}

/// The reports of a list that sluice does not touch.
std::vector<std::string_view> conditionsOf(const MailList& list) {
    std::vector<std::string_view> conditions;
    if (!list.isClosed())
        conditions.push_back(isOpen);
    if (list.external > 0)
        conditions.push_back(hasExternal);
    if (list.ownerLeadsBack)
        conditions.push_back(comesBack);
    if (list.owner == nullptr)
        conditions.push_back(toAuthor);
    return conditions;
}

bool delegates(const ListEntry* entry) {
    return entry->returnPath == ReturnPath::delegate;
}

class ListRules {
public:
    ListRules(const Review& review, Findings& findings) : review_(review), findings_(findings) {}

    void look(const MailList& list) {
        if (list.known.empty())
            unknown(list);
        else
            otherNames(list);
        owner(list);
        for (const ListEntry* const entry : list.known)
            returnPath(list, *entry);
        open(list);
        nested(list);
    }

    void entryAlias(const Alias& alias);
    void missing(const ListEntry& entry);

private:
    void unknown(const MailList& list);
    void otherNames(const MailList& list);
    void owner(const MailList& list);
    void ownerMissing(const MailList& list);
    void returnPath(const MailList& list, const ListEntry& entry);
    void keepsAuthor(const MailList& list, const ListEntry& entry);
    void open(const MailList& list);
    void nested(const MailList& list);

    [[nodiscard]] std::string lineFor(const MailList& list, const MailAddress& address) const;
    Finding& add(Severity severity, std::string_view code, Place place, std::string what,
                 std::string why) {
        findings_.push_back(
            {severity, code, std::move(place), std::move(what), std::move(why), {}, {}, {}});
        return findings_.back();
    }
    Finding& addForSluice(Severity severity, std::string_view code, Place place, std::string what,
                          std::string why, std::vector<std::string> lines) {
        Finding& finding = add(severity, code, std::move(place), std::move(what), std::move(why));
        finding.mend = std::move(lines);
        finding.mendFile = review_.sluice.file;
        return finding;
    }
    [[nodiscard]] std::string postmaster() const { return "postmaster@" + review_.mainDomain(); }

    const Review& review_;
    Findings& findings_;
};

std::string ListRules::lineFor(const MailList& list, const MailAddress& address) const {
    const std::string start = "list = " + address.text();
    if (list.owner != nullptr)
        return start + " return-path=delegate" +
               (list.ownerLeadsBack ? " bounces-to=" + postmaster() : "");
    if (review_.sluice.hasKeys)
        return start + " bounces-to=" + postmaster();
    return start + " return-path=owner:" + postmaster();
}

void ListRules::unknown(const MailList& list) {
    std::vector<std::string> lines;
    for (const MailAddress& address : list.addresses)
        if (lines.size() < mostLines)
            lines.push_back(lineFor(list, address));
    const bool ownerReads = list.owner != nullptr && !list.ownerLeadsBack;
    const Severity severity = list.external > 0 && !ownerReads ? Severity::high
                              : list.large                     ? Severity::medium
                                                               : Severity::low;
    addForSluice(
        severity, "list-unknown", list.alias->place,
        fmt::format("{} is a list that sluice does not know ({})", list.name(), membersOf(list)),
        "reports and automatic replies that come to it go to all members", std::move(lines))
        .conditions = conditionsOf(list);
}

void ListRules::otherNames(const MailList& list) {
    for (const MailAddress& address : list.unknown)
        if (address.domain() != review_.mta.hostName)
            addForSluice(Severity::medium, "list-other-name", review_.mta.localPlace,
                         fmt::format("{} reaches the list {} too, and sluice does not know it",
                                     address.text(), list.known.front()->address.text()),
                         "mail by that name passes none of the rules of the list",
                         {"list = " + address.text() + list.known.front()->options});
}

void ListRules::owner(const MailList& list) {
    if (list.owner == nullptr)
        ownerMissing(list);
    if (list.owner == nullptr || !list.ownerLeadsBack || review_.isGuarded(*list.owner))
        return;
    Finding& finding =
        add(Severity::high, "owner-loop", list.owner->place,
            fmt::format("owner-{0} leads back to the list {0}", list.alias->name.local()),
            "the report about one dead member goes to all members, and to the dead one again");
    finding.mend = {fmt::format("owner-{}: postmaster", list.alias->name.local())};
    finding.mendFile = list.owner->place.file;
}

void ListRules::ownerMissing(const MailList& list) {
    const auto delegating = std::find_if(list.known.begin(), list.known.end(), delegates);
    if (delegating == list.known.end() || list.alias->source != Source::local)
        return;
    Finding& finding = add(
        list.external > 0 ? Severity::high : Severity::medium, "owner-missing", list.alias->place,
        fmt::format("sluice leaves the return path of {} to an owner- alias that is not there",
                    (*delegating)->address.text()),
        "reports about dead members go to the author of each post");
    finding.mend = {fmt::format("owner-{}: postmaster", list.alias->name.local())};
    finding.mendFile = list.alias->place.file;
}

void ListRules::returnPath(const MailList& list, const ListEntry& entry) {
    if (!entry.changesReturnPath())
        keepsAuthor(list, entry);
    else if (list.owner != nullptr)
        addForSluice(Severity::medium, "return-path-undone", entry.place,
                     fmt::format("sluice gives {} a return path, and owner-{} puts another one in "
                                 "its place",
                                 entry.address.text(), list.alias->name.local()),
                     "the mail server expands the list later than the filter, so reports do not "
                     "go where sluice wants them",
                     {"list = " + entry.address.text() + " return-path=delegate"});
}

void ListRules::keepsAuthor(const MailList& list, const ListEntry& entry) {
    const bool toMta = delegates(&entry);
    if (toMta && list.alias->source == Source::local)
        return; // its owner- alias is looked at
    if (!toMta && list.external == 0)
        return;
    addForSluice(
        list.external > 0 && !entry.closed ? Severity::medium : Severity::low,
        "list-reports-to-author", entry.place,
        fmt::format("reports about members of {} go to the author of each post",
                    entry.address.text()),
        toMta ? "the mail server knows owner- aliases beside aliases(5) alone, and this "
                "list is in a virtual table"
              : "authors get reports about people whom they do not know, and SPF refuses "
                "copies in their name",
        {"list = " + entry.address.text() +
         (review_.sluice.hasKeys ? " return-path=signed bounces-to=" : " return-path=owner:") +
         postmaster()});
}

void ListRules::open(const MailList& list) {
    if (list.known.empty() || list.external == 0)
        return;
    for (const ListEntry* const entry : list.known) {
        if (entry->closed)
            continue;
        const bool safe = entry->changesReturnPath() ||
                          (entry->returnPath == ReturnPath::delegate && list.owner != nullptr);
        addForSluice(
            safe ? Severity::info : Severity::medium, "list-open", entry->place,
            fmt::format("everyone may post to {} ({})", entry->address.text(), membersOf(list)),
            "what strangers write goes out again in your name",
            {"list = " + entry->address.text() + entry->options + " accept-from=authenticated"})
            .conditions = {isOpen, hasExternal};
    }
}

void ListRules::nested(const MailList& list) {
    for (const Alias::Member& member : list.alias->members) {
        const MailList* const inner = review_.listOf(review_.graph.next(*list.alias, member));
        if (inner == nullptr || inner == &list || !inner->large)
            continue;
        const bool evades = inner->isClosed() && !list.isClosed();
        add(evades ? Severity::medium : Severity::info, "list-nested", list.alias->place,
            fmt::format("the list {} is a member of the list {}", inner->name(), list.name()),
            evades ? "who may not post to the one reaches it by way of the other, for the filter "
                     "sees the address of the outer list alone"
                   : "the filter sees the address of the outer list alone: the settings of the "
                     "inner one do not apply");
    }
}

void ListRules::entryAlias(const Alias& alias) {
    if (alias.members.size() != 1 || alias.name.local().empty() ||
        alias.name.local().starts_with("owner-"))
        return;
    const MailList* const list = review_.listOf(review_.graph.next(alias, alias.members.front()));
    if (list == nullptr || list->known.empty() || list->alias == &alias)
        return;
    for (const MailAddress& address : review_.graph.addressesOf(alias))
        if (review_.sluice.listFor(address) == nullptr && address.domain() != review_.mta.hostName)
            addForSluice(Severity::medium, "list-other-name", alias.place,
                         fmt::format("{} reaches the list {}, and sluice does not know it",
                                     address.text(), list->known.front()->address.text()),
                         "mail by that name passes none of the rules of the list",
                         {"list = " + address.text() + list->known.front()->options});
}

void ListRules::missing(const ListEntry& entry) {
    const std::string& domain = entry.address.domain();
    const MtaFacts& mta = review_.mta;
    const bool ours = mta.local.contains(domain) || mta.virtualAlias.contains(domain);
    if (ours && mta.aliasesComplete && review_.graph.find(entry.address) == nullptr)
        add(Severity::low, "list-not-found", entry.place,
            fmt::format("sluice has a list {} that is no alias of the mail server",
                        entry.address.text()),
            "perhaps the name is misspelt, and the list that is meant goes without");
}

} // namespace

void reviewLists(const Review& review, Findings& findings) {
    ListRules rules(review, findings);
    for (const MailList& list : review.lists)
        rules.look(list);
    for (const Alias& alias : review.mta.aliases)
        rules.entryAlias(alias);
    for (const ListEntry& entry : review.sluice.lists)
        rules.missing(entry);
}

} // namespace sluice::ctl::audit
