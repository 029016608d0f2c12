// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/mail_address.hh"
#include "common/result.hh"

#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// A search filter (RFC 4515) with places for an address and its parts: `%a` the address as RFC
/// 5321 writes it, `%u` its local part, `%d` its domain, `%%` a percent sign.
class LdapFilter {
public:
    /// Fits plain directories and those of Active Directory, where each address of a mailbox is a
    /// value of proxyAddresses.
    static constexpr std::string_view usual = "(|(mail=%a)(proxyAddresses=smtp:%a))";

    /// Error: no filter, another `%`, or neither `%a` nor `%u`, so that it would know everybody.
    static Result<LdapFilter> parse(std::string_view text);

    /// What stands in place of the address matches nothing but itself, whatever octets it has.
    [[nodiscard]] std::string of(const MailAddress& address) const;
    /// As parse() has read it.
    [[nodiscard]] const std::string& text() const { return text_; }

    friend bool operator==(const LdapFilter&, const LdapFilter&) = default;

private:
    std::string text_;
};

/// As the value of an assertion: what is not a plain character becomes `\HH` (RFC 4515 section 3).
std::string escapedForFilter(std::string_view value);

} // namespace sluice
