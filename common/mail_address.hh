// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <string>
#include <string_view>

namespace sluice {

/// An envelope address (RFC 5321 section 4.1.2), in the form in which addresses are compared: local
/// part unquoted and in lower case, domain by canonicalDomain(), source route dropped.
class MailAddress {
public:
    /// The null address `<>`.
    MailAddress() = default;
    MailAddress(std::string canonicalLocal, std::string canonicalDomain);

    /// Reads the argument of MAIL or RCPT, with or without `<>`. Never fails: whatever an MTA has
    /// let through is split at its last unquoted `@`, so that no odd spelling evades a pattern.
    /// Where quotes are not closed, or hide an `@` of the domain, that is the last `@`.
    static MailAddress fromPath(std::string_view path);

    /// For the configuration: `user@example.org`, `"Ted Bremer"@example.org`. Error: no local part,
    /// no domain, an invalid domain, white space outside quotes.
    static Result<MailAddress> parse(std::string_view text);

    [[nodiscard]] bool isNull() const { return local_.empty() && domain_.empty(); }
    [[nodiscard]] const std::string& local() const { return local_; }
    [[nodiscard]] const std::string& domain() const { return domain_; }

    /// `local@domain` in compared form, unquoted: a key, not for SMTP. Empty for the null address;
    /// with the `@` even where there is no domain, so that different addresses have different keys.
    [[nodiscard]] std::string key() const;

    /// The address in RFC 5321 form, quoted where that is needed, without `<>`. Control characters,
    /// which that form cannot hold, become `?`. Empty for the null address.
    [[nodiscard]] std::string text() const;

    /// The local part ends in a `+tag`. One that begins with `+` has none.
    [[nodiscard]] bool hasExtension() const;
    /// The same mailbox without its `+tag`; the address itself when it has none.
    [[nodiscard]] MailAddress withoutExtension() const;
    /// Its key().
    [[nodiscard]] std::string keyWithoutExtension() const;

    friend bool operator==(const MailAddress&, const MailAddress&) = default;

private:
    std::string local_;
    std::string domain_;
};

/// True for `user@example.org`, as nearly all addresses are written: one `@` between dot-strings of
/// ASCII (RFC 5321 section 4.1.2), no quotes, blanks, brackets or final dot, so that there is one
/// way to read it. Where dots stand is not looked at.
bool isPlainMailbox(std::string_view text);

/// The parts of an address in a configuration, in compared form. The domain may be an address
/// literal.
Result<std::string> parseLocalPart(std::string_view text);
Result<std::string> parseMailDomain(std::string_view text);

} // namespace sluice
