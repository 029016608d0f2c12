// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/audit/mail_lists.hh"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace sluice::ctl::audit {
namespace {

/// Mailboxes that a site must have (RFC 2142, RFC 5321 section 4.5.1), and those of the system:
/// that several people read them makes no list of them.
constexpr std::array<std::string_view, 14> roles{
    "abuse", "admin",    "clamav",     "ftp",  "hostmaster", "mailer-daemon", "nobody",
    "noc",   "operator", "postmaster", "root", "security",   "webmaster",     "www-data"};

/// The names that belong to a list: its owner, and where its robot reads.
bool belongsToList(std::string_view name) {
    return name.starts_with("owner-") || name.ends_with("-owner") || name.ends_with("-request") ||
           name.ends_with("-bounces") || name.ends_with("-admin");
}

bool isRole(std::string_view name) {
    return std::find(roles.begin(), roles.end(), name) != roles.end() || belongsToList(name);
}

/// Those that mail is multiplied for: neither a copy for the name itself nor a program.
std::size_t receivers(const Alias& alias) {
    return static_cast<std::size_t>(
        std::count_if(alias.members.begin(), alias.members.end(), [&](const Alias::Member& member) {
            return member.address.local() != alias.name.local() ||
                   (!member.address.domain().empty() &&
                    member.address.domain() != alias.name.domain());
        }));
}

std::string domainOf(const std::string& key) {
    return key.substr(key.rfind('@') + 1);
}

} // namespace

std::string MailList::name() const {
    return addresses.empty() ? alias->name.local() : addresses.front().text();
}

bool MailList::isClosed() const {
    return unknown.size() < addresses.size() &&
           std::all_of(known.begin(), known.end(),
                       [](const ListEntry* entry) { return entry->closed; });
}

Review::Review(const MtaFacts& mtaFacts, const SluiceSettings& settings)
    : mta(mtaFacts), sluice(settings), graph(mtaFacts) {
    findLists();
}

const MailList* Review::listOf(const Alias* alias) const {
    const auto found = listByAlias_.find(alias);
    return found == listByAlias_.end() ? nullptr : &lists[found->second];
}

bool Review::isExternal(const std::string& domain) const {
    return !domain.empty() && !isInnerDomain(domain) && domain != mta.origin &&
           domain != mta.hostName && !graph.serves(domain) && !sluice.localDomains.contains(domain);
}

bool Review::isGuarded(const Alias& alias) const {
    const auto addresses = graph.addressesOf(alias);
    return !addresses.empty() &&
           std::all_of(addresses.begin(), addresses.end(), [&](const MailAddress& address) {
               return sluice.listFor(address) != nullptr || address.domain() == mta.hostName;
           });
}

MailAddress Review::reportsTo(const ListEntry& entry) const {
    if (entry.returnPath == ReturnPath::owner)
        return entry.returnTo;
    if (entry.bouncesTo)
        return *entry.bouncesTo;
    return {"postmaster", entry.address.domain()};
}

std::string Review::mainDomain() const {
    const auto& domains = mta.local.inOrder;
    const auto found = std::find_if(domains.begin(), domains.end(), [&](const std::string& domain) {
        return !isInnerDomain(domain) && domain != mta.hostName;
    });
    return found == domains.end() ? mta.origin : *found;
}

bool Review::isCandidate(const Alias& alias) const {
    // an owner- alias is named as a list of sluice to keep reports from where it leads
    if (alias.name.local().empty() || alias.name.local().starts_with("owner-") ||
        (alias.members.empty() && !alias.includes))
        return false;
    const auto addresses = graph.addressesOf(alias);
    const bool known =
        std::any_of(addresses.begin(), addresses.end(),
                    [&](const MailAddress& each) { return sluice.listFor(each) != nullptr; });
    if (known)
        return true;
    if (belongsToList(alias.name.local()) || addresses.empty())
        return false;
    if (alias.includes || graph.ownerOf(alias) != nullptr)
        return true;
    return receivers(alias) > 1 && !isRole(alias.name.local());
}

MailList Review::describe(const Alias& alias) const {
    MailList list;
    list.alias = &alias;
    list.owner = graph.ownerOf(alias);
    list.addresses = graph.addressesOf(alias);
    for (const MailAddress& address : list.addresses) {
        if (const ListEntry* const entry = sluice.listFor(address); entry != nullptr)
            list.known.push_back(entry);
        else
            list.unknown.push_back(address);
    }
    const AliasGraph::Reach reach = graph.reach(alias);
    list.members = reach.ends.size();
    for (const std::string& end : reach.ends) {
        if (!isExternal(domainOf(end)))
            continue;
        ++list.external;
        if (list.oneExternal.empty() || end < list.oneExternal)
            list.oneExternal = end;
    }
    if (list.owner != nullptr) {
        const auto back = graph.reach(*list.owner).aliases;
        list.ownerLeadsBack = std::find(back.begin(), back.end(), &alias) != back.end();
    }
    list.large =
        list.owner != nullptr || alias.includes || list.external > 0 || !list.known.empty();
    return list;
}

std::unordered_set<const Alias*> Review::reportReaders() const {
    std::vector<AliasGraph::Reach> ways;
    for (const Alias& alias : mta.aliases)
        if (alias.source == Alias::Source::local && alias.name.local().starts_with("owner-"))
            ways.push_back(graph.reach(alias));
    for (const ListEntry& entry : sluice.lists)
        ways.push_back(graph.reach(reportsTo(entry)));
    std::unordered_set<const Alias*> readers;
    for (const AliasGraph::Reach& way : ways)
        readers.insert(way.aliases.begin(), way.aliases.end());
    return readers;
}

void Review::findLists() {
    const auto readers = reportReaders();
    for (const Alias& alias : mta.aliases) {
        if (!isCandidate(alias))
            continue;
        MailList list = describe(alias);
        // several people who read the reports of another list are no list
        if (!list.large && readers.count(&alias) != 0)
            continue;
        listByAlias_.emplace(&alias, lists.size());
        lists.push_back(std::move(list));
    }
}

} // namespace sluice::ctl::audit
