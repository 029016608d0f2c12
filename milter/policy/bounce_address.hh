// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/civil_day.hh"
#include "common/keyring.hh"
#include "common/mail_address.hh"

#include <cstdint>
#include <string>

/// The return path of list posts, which only sluice can make, so that what comes back to it is
/// known to be a report about one of them:
///
///     LOCAL-bounces+KEYID-DAY-MAC@BOUNCE-DOMAIN
///
/// LOCAL is the local part of the list. One that is too long for the 64 octets of a local part (RFC
/// 5321 section 4.5.3.1.1), or that would need quotes or holds a `+`, is replaced by `list-` and a
/// digest of the list's address, which is always the same for that list. Pure; any thread.
namespace sluice {

/// Reports come back for as long as servers try: five days here and there, and some hold them.
constexpr int bounceAddressDays = 30;

/// `bounceDomain` is in compared form (canonicalDomain()), here and below.
MailAddress bounceAddress(const Keyring& keyring, const MailAddress& list,
                          const std::string& bounceDomain, CivilDay today);

/// `LOCAL-bounces@BOUNCE-DOMAIN`, the mailbox that the MTA must accept with any `+` extension.
MailAddress bounceMailbox(const MailAddress& list, const std::string& bounceDomain);

enum class BounceStanding : std::uint8_t {
    none,    ///< no bounce address of this list
    good,    ///< made by us, not too long ago
    bad,     ///< of the form, but not ours, or of a key that is no longer accepted
    expired, ///< made by us more than bounceAddressDays ago
};

/// What `recipient` is to this list. Cheap for addresses of another form: no MAC is computed then.
BounceStanding checkBounceAddress(const Keyring& keyring, const MailAddress& list,
                                  const std::string& bounceDomain, const MailAddress& recipient,
                                  CivilDay today);

} // namespace sluice
