// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/audit/alias_graph.hh"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace sluice::ctl::audit {
namespace {

/// A walk along the aliases, depth first, without recursion: chains may be long.
struct Walk {
    enum class State : std::uint8_t { entered, left };
    struct Step {
        const Alias* alias;
        std::size_t member; ///< the next one to follow
    };
    std::vector<Step> way;
    std::unordered_map<const Alias*, State> states;
};

/// False: it has been there before.
bool enter(Walk& walk, const Alias& alias) {
    const bool isNew = walk.states.emplace(&alias, Walk::State::entered).second;
    if (isNew)
        walk.way.push_back({&alias, 0});
    return isNew;
}

/// The end of the way, from `first` on.
AliasGraph::Circle circleOf(const Walk& walk, const Alias* first) {
    auto at = walk.way.begin();
    while (at->alias != first)
        ++at;
    AliasGraph::Circle circle;
    for (; at != walk.way.end(); ++at)
        circle.push_back(at->alias);
    return circle;
}

} // namespace

bool isInnerDomain(const std::string& domain) {
    return domain.find('.') == std::string::npos || domain.starts_with("localhost.") ||
           domain.starts_with('[');
}

AliasGraph::AliasGraph(const MtaFacts& facts) : facts_(facts) {
    for (const Alias& alias : facts.aliases) {
        if (alias.source == Alias::Source::local)
            local_.emplace(alias.name.local(), &alias);
        else
            virtual_.emplace(alias.name.key(), &alias);
    }
}

MailAddress AliasGraph::completed(const MailAddress& address) const {
    if (!address.domain().empty() || address.local().empty())
        return address;
    return {address.local(), facts_.origin};
}

const Alias* AliasGraph::findLocal(const std::string& name) const {
    const auto found = local_.find(name);
    return found == local_.end() ? nullptr : found->second;
}

const Alias* AliasGraph::findVirtual(const MailAddress& address) const {
    const auto look = [&](const std::string& key) {
        const auto found = virtual_.find(key);
        return found == virtual_.end() ? nullptr : found->second;
    };
    const bool local = facts_.local.contains(address.domain()) || address.domain() == facts_.origin;
    std::vector<MailAddress> forms{address};
    if (facts_.extensions && address.hasExtension())
        forms.push_back(address.withoutExtension());
    for (const MailAddress& form : forms)
        if (const Alias* const found = look(form.key()))
            return found;
    for (const MailAddress& form : forms)
        if (const Alias* const found = local ? look(form.local() + '@') : nullptr)
            return found;
    return look('@' + address.domain());
}

const Alias* AliasGraph::findLocalPart(const MailAddress& address) const {
    if (!facts_.local.contains(address.domain()))
        return nullptr;
    const Alias* const found = findLocal(address.local());
    if (found != nullptr || !facts_.extensions)
        return found;
    return findLocal(address.withoutExtension().local());
}

const Alias* AliasGraph::find(const MailAddress& address) const {
    const MailAddress whole = completed(address);
    const Alias* const found = findVirtual(whole);
    return found != nullptr ? found : findLocalPart(whole);
}

const Alias* AliasGraph::ownerOf(const Alias& list) const {
    return list.source == Alias::Source::local ? findLocal("owner-" + list.name.local()) : nullptr;
}

const Alias* AliasGraph::next(const Alias& alias, const Alias::Member& member) const {
    if (member.final)
        return nullptr;
    const MailAddress whole = completed(member.address);
    const Alias* const found = find(whole);
    if (found != &alias)
        return found;
    // a name that stands for itself is delivered: from a table by way of aliases(5)
    return alias.source == Alias::Source::virtualTable ? findLocalPart(whole) : nullptr;
}

void AliasGraph::follow(const Alias& alias, Reach& reach, std::vector<const Alias*>& waiting,
                        std::unordered_set<const Alias*>& seen) const {
    for (const Alias::Member& member : alias.members) {
        const Alias* const to = next(alias, member);
        if (to == nullptr)
            reach.ends.insert(completed(member.address).key());
        else if (seen.insert(to).second)
            waiting.push_back(to);
    }
}

AliasGraph::Reach AliasGraph::reach(const Alias& start) const {
    Reach reach;
    std::unordered_set<const Alias*> seen;
    std::vector<const Alias*> waiting;
    follow(start, reach, waiting, seen);
    while (!waiting.empty()) {
        const Alias* const alias = waiting.back();
        waiting.pop_back();
        reach.aliases.push_back(alias);
        if (alias != &start)
            follow(*alias, reach, waiting, seen);
    }
    return reach;
}

AliasGraph::Reach AliasGraph::reach(const MailAddress& start) const {
    const Alias* const alias = find(start);
    if (alias == nullptr)
        return {{}, {completed(start).key()}};
    Reach found = reach(*alias);
    found.aliases.push_back(alias);
    return found;
}

std::vector<MailAddress> AliasGraph::addressesOf(const Alias& alias) const {
    if (!alias.name.domain().empty())
        return {alias.name};
    std::vector<MailAddress> addresses;
    for (const std::string& domain : facts_.local.inOrder)
        if (const MailAddress address(alias.name.local(), domain);
            !isInnerDomain(domain) && find(address) == &alias)
            addresses.push_back(address);
    // nobody means the host by its own name first
    std::stable_partition(addresses.begin(), addresses.end(), [&](const MailAddress& address) {
        return address.domain() != facts_.hostName;
    });
    return addresses;
}

bool AliasGraph::serves(const std::string& domain) const {
    return facts_.local.contains(domain) || facts_.virtualAlias.contains(domain) ||
           facts_.virtualMailbox.contains(domain) || facts_.relay.contains(domain);
}

std::vector<AliasGraph::Circle> AliasGraph::circles(std::size_t most) const {
    std::vector<Circle> found;
    Walk walk;
    for (const Alias& start : facts_.aliases) {
        enter(walk, start);
        while (!walk.way.empty() && found.size() < most) {
            Walk::Step& step = walk.way.back();
            if (step.member == step.alias->members.size()) {
                walk.states[step.alias] = Walk::State::left;
                walk.way.pop_back();
                continue;
            }
            const Alias* const to = next(*step.alias, step.alias->members[step.member++]);
            if (to != nullptr && !enter(walk, *to) && walk.states[to] == Walk::State::entered)
                found.push_back(circleOf(walk, to));
        }
    }
    return found;
}

} // namespace sluice::ctl::audit
