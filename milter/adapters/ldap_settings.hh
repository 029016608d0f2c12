// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/host_port.hh"
#include "common/result.hh"
#include "milter/adapters/ldap_filter.hh"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Which entries of which LDAP servers are recipients, and how they are looked up.
struct LdapSettings {
    enum class Scope : std::uint8_t { base, one, sub };
    enum class Security : std::uint8_t {
        none,
        startTls, ///< on the plain port (RFC 4513 section 3)
        tls,      ///< from the first octet: ldaps://
    };

    static constexpr std::chrono::milliseconds usualTimeout{2000};

    std::vector<HostPort> servers; ///< equal ones: the first that answers is asked
    std::string base;              ///< distinguished name
    Scope scope = Scope::sub;
    LdapFilter filter;
    Security security = Security::none;
    std::string bindName; ///< empty: nobody in particular
    std::string password;
    std::string caFile; ///< whose certificates are trusted (PEM); empty: whom the system trusts
    /// Of one look-up, with the connection it may need.
    std::chrono::milliseconds timeout = usualTimeout;

    /// `ldap://HOST[:PORT],…/BASE?ATTRIBUTES?SCOPE?FILTER` or `ldaps://…`: the form of RFC 4516,
    /// with several hosts, `sub` and LdapFilter::usual as defaults, and the filter as it is: no
    /// `%HH` in it. Error: anything else.
    static Result<LdapSettings> parse(std::string_view url);

    /// As parse() reads it: no secret.
    [[nodiscard]] std::string url() const;
    /// Its beginning, for the log: servers and base.
    [[nodiscard]] std::string name() const;
    /// All servers are on this machine.
    [[nodiscard]] bool onLoopback() const;

    friend bool operator==(const LdapSettings&, const LdapSettings&) = default;
};

} // namespace sluice
