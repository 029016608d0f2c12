// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/audit/mta_facts.hh"

#include <cstddef>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace sluice::ctl::audit {

/// Who leads to whom among the aliases of an MTA, as it looks them up. Pure; refers to the facts.
class AliasGraph {
public:
    explicit AliasGraph(const MtaFacts& facts);

    /// What is reached from an alias or address; circles are followed once.
    struct Reach {
        std::vector<const Alias*> aliases; ///< without the one at the start, unless it comes again
        std::unordered_set<std::string> ends; ///< addresses that no alias stands for, by key()
    };

    /// With the domain that the MTA adds where none is written.
    [[nodiscard]] MailAddress completed(const MailAddress& address) const;
    /// The alias that mail to the address is expanded by; null: none.
    [[nodiscard]] const Alias* find(const MailAddress& address) const;
    /// The alias of aliases(5) with this name, in lower case.
    [[nodiscard]] const Alias* findLocal(const std::string& name) const;
    /// owner-NAME, which only aliases(5) knows; null: there is none.
    [[nodiscard]] const Alias* ownerOf(const Alias& list) const;
    /// The alias that a member stands for; null: it is an end.
    [[nodiscard]] const Alias* next(const Alias& alias, const Alias::Member& member) const;

    [[nodiscard]] Reach reach(const Alias& start) const;
    [[nodiscard]] Reach reach(const MailAddress& start) const;

    /// The addresses by which mail from elsewhere comes to the alias, those of inner
    /// domains aside; those of the host by its own name come last.
    [[nodiscard]] std::vector<MailAddress> addressesOf(const Alias& alias) const;

    /// The MTA delivers to the domain, or sends it on to where it is delivered.
    [[nodiscard]] bool serves(const std::string& domain) const;

    /// The way around each circle of aliases, up to `most` of them.
    using Circle = std::vector<const Alias*>;
    [[nodiscard]] std::vector<Circle> circles(std::size_t most) const;

private:
    [[nodiscard]] const Alias* findVirtual(const MailAddress& address) const;
    [[nodiscard]] const Alias* findLocalPart(const MailAddress& address) const;
    void follow(const Alias& alias, Reach& reach, std::vector<const Alias*>& waiting,
                std::unordered_set<const Alias*>& seen) const;

    const MtaFacts& facts_;
    std::unordered_map<std::string, const Alias*> virtual_; ///< by key(), `@domain`, `user@`
    std::unordered_map<std::string, const Alias*> local_;   ///< by name
};

/// `localhost` and names below it, any name without a dot, or an address literal: no mail from
/// elsewhere is meant for it.
bool isInnerDomain(const std::string& domain);

} // namespace sluice::ctl::audit
