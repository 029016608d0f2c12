// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/ip_network.hh"
#include "common/result.hh"
#include "milter/adapters/mx_record.hh"
#include "milter/adapters/resolver_unbound.hh"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Where the mail of a domain goes (RFC 5321 section 5.1), as the DNS has it.
namespace sluice {

/// What a question to the DNS came to.
struct LookUp {
    enum class Status : std::uint8_t {
        found,
        noData, ///< the name is there, but has no such record
        noName, ///< there is no such name
        failed, ///< nobody knows; `why` says what went wrong
    };

    Status status = Status::failed;
    std::string why;                   ///< empty unless failed
    std::chrono::microseconds took{0}; ///< until the answer, or until nobody waited any more
};

/// One MX, or the domain itself where it has none.
struct MailExchanger {
    std::optional<MxRecord> record; ///< nullopt: the domain itself
    std::string name;               ///< whose addresses are looked up
    /// Where the name is an alias (CNAME record), which RFC 2181 section 10.3 does not allow: what
    /// it stands for.
    std::string canonicalName;
    LookUp v4; ///< of records that name no host: not looked up, noName
    LookUp v6;
    std::vector<IpAddress> addresses; ///< each once, IPv4 first
    std::size_t addressesLeftOut = 0; ///< beyond mostAddressesOfOne
};

struct MailRoute {
    std::string domain;
    LookUp mx;
    bool nullMx = false; ///< a record with the root for its name is among them
    /// In order of preference, equal ones by name; empty when there are none to ask.
    std::vector<MailExchanger> exchangers;
    std::size_t exchangersLeftOut = 0; ///< beyond mostExchangers
};

constexpr std::size_t mostExchangers = 32;     ///< of a domain
constexpr std::size_t mostAddressesOfOne = 16; ///< of an MX

struct MailRouteSettings {
    ResolverSettings resolver;
    std::chrono::milliseconds timeout{10'000}; ///< for all look-ups together
    int interrupt = -1;                        ///< a descriptor: ends at once when it is readable
};

/// The routes of these domains (canonical, no trailing dot), in their order, all asked at once.
/// Asks anew each time it is called. Blocks until all is known or the time is over. Error: the
/// resolver does not take the settings. Threads: any.
Result<std::vector<MailRoute>> findMailRoutes(const std::vector<std::string>& domains,
                                              const MailRouteSettings& settings);

} // namespace sluice
