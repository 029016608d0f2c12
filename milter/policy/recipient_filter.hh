// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/address_pattern.hh"
#include "milter/policy/facts.hh"
#include "milter/policy/local_domains.hh"
#include "milter/policy/ports.hh"
#include "milter/policy/verdict.hh"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice {

/// Who may write to one address.
struct Restriction {
    bool authenticatedOnly = false;
    bool anySender = true; ///< false: only `onlyFrom`
    PatternSet onlyFrom;
    PatternSet except;
};

struct RecipientSettings {
    PatternSet blocked; ///< block-recipient
    std::vector<std::shared_ptr<Directory>> directories;
    std::uint32_t harvestLimit = 0; ///< unknown recipients of a client in the window; 0: none
    std::shared_ptr<HarvestCounter> harvest;
    std::chrono::milliseconds tarpit{0};                     ///< how long "User unknown" waits
    std::unordered_map<std::string, Restriction> restricted; ///< by MailAddress::key()
};

/// Which recipients take mail, and from whom.
class RecipientFilter {
public:
    RecipientFilter(const RecipientSettings& settings, const LocalDomains& localDomains)
        : settings_(settings), localDomains_(localDomains) {}

    [[nodiscard]] std::optional<Verdict> blocked(const MailAddress& recipient,
                                                 CivilDay today) const;
    /// The directory, and behind it the harvest limit.
    [[nodiscard]] std::optional<Verdict> unknown(const Client& client, const MailAddress& recipient,
                                                 SteadyTime now) const;
    /// The harvest limit alone, for a recipient that the MTA refuses with this code: it counts when
    /// the code says that there is no such mailbox.
    [[nodiscard]] std::optional<Verdict>
    refusedByMta(const Client& client, std::string_view enhancedCode, SteadyTime now) const;
    [[nodiscard]] std::optional<Verdict> restricted(const Client& client, const Envelope& envelope,
                                                    const MailAddress& recipient,
                                                    CivilDay today) const;

private:
    [[nodiscard]] Directory::Answer lookUp(const MailAddress& recipient) const;
    [[nodiscard]] bool harvestLimitReached(const Client& client, SteadyTime now) const;

    const RecipientSettings& settings_;
    const LocalDomains& localDomains_;
};

} // namespace sluice
