// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/audit/alias_graph.hh"
#include "milter/ctl/audit/sluice_settings.hh"

#include <cstddef>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace sluice::ctl::audit {

/// An alias that multiplies mail, with what sluice says of it.
struct MailList {
    const Alias* alias = nullptr;
    const Alias* owner = nullptr;        ///< owner-NAME
    std::vector<MailAddress> addresses;  ///< by which it is reached from elsewhere
    std::vector<MailAddress> unknown;    ///< those of them that sluice has no list for
    std::vector<const ListEntry*> known; ///< sluice's lists for the others
    std::size_t members = 0;             ///< addresses that are reached in the end
    std::size_t external = 0;            ///< those of them outside
    std::string oneExternal;
    bool ownerLeadsBack = false; ///< mail to the owner comes to the list again
    /// More than a name for a few people of this site: has an owner, an :include: file or members
    /// outside, or is a list of sluice.
    bool large = false;

    [[nodiscard]] std::string name() const;
    /// sluice or the MTA keeps outsiders from posting; of an unknown list nobody does.
    [[nodiscard]] bool isClosed() const;
};

/// All that the rules look at.
class Review {
public:
    Review(const MtaFacts& mta, const SluiceSettings& sluice);

    const MtaFacts& mta;
    const SluiceSettings& sluice;
    AliasGraph graph;
    std::vector<MailList> lists;

    [[nodiscard]] const MailList* listOf(const Alias* alias) const;
    [[nodiscard]] bool isExternal(const std::string& domain) const;
    /// A list of sluice that takes reports away before they are expanded.
    [[nodiscard]] bool isGuarded(const Alias& alias) const;
    /// Who gets the reports about the list, as sluice sees it.
    [[nodiscard]] MailAddress reportsTo(const ListEntry& entry) const;
    /// The domain that a line to write would name.
    [[nodiscard]] std::string mainDomain() const;

private:
    void findLists();
    [[nodiscard]] bool isCandidate(const Alias& alias) const;
    [[nodiscard]] MailList describe(const Alias& alias) const;
    [[nodiscard]] std::unordered_set<const Alias*> reportReaders() const;

    std::unordered_map<const Alias*, std::size_t> listByAlias_;
};

} // namespace sluice::ctl::audit
