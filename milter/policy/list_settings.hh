// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/mail_address.hh"
#include "milter/policy/recipient_filter.hh"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace sluice {

/// Where reports about the copies of a post go (RFC 5321 section 3.9).
enum class ReturnPath : std::uint8_t {
    signedAddress, ///< an address that proves that we made it
    owner,         ///< the list's owner
    manager,       ///< the list's manager; the same, by another name
    null,          ///< nowhere
    keep,          ///< to the author
    delegate,      ///< the MTA decides: its owner- alias
};

/// A distribution list: an address that the MTA expands.
struct MailingList {
    MailAddress address;
    ReturnPath returnPath = ReturnPath::signedAddress;
    MailAddress returnTo;                 ///< for owner and manager
    std::optional<MailAddress> bouncesTo; ///< who gets reports about the list's mail
    Restriction posting;

    /// Where a report to one of its signed addresses goes: bouncesTo, else the postmaster of the
    /// list's domain.
    [[nodiscard]] MailAddress reportsTo() const {
        return bouncesTo.value_or(MailAddress("postmaster", address.domain()));
    }
    [[nodiscard]] bool changesReturnPath() const {
        return returnPath != ReturnPath::keep && returnPath != ReturnPath::delegate;
    }
};

struct ListSettings {
    std::unordered_map<std::string, MailingList> lists; ///< by MailAddress::key()
    std::unordered_set<std::string> robots;             ///< by MailAddress::key()
    std::string bounceDomain; ///< of signed addresses; empty: the list's own
    bool splitMixed = true;   ///< mixed-recipients
    std::optional<MailAddress> reportCopy;

    [[nodiscard]] bool empty() const { return lists.empty() && robots.empty() && !reportCopy; }
    [[nodiscard]] const std::string& bounceDomainOf(const MailingList& list) const {
        return bounceDomain.empty() ? list.address.domain() : bounceDomain;
    }
};

} // namespace sluice
