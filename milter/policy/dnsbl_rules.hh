// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/ip_network.hh"
#include "common/result.hh"
#include "common/smtp_reply.hh"
#include "milter/policy/dnsbl_match.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// DNS blocklists and allowlists: what a rule is, and when an answer matches it (RFC 5782; the
/// rules are those of sluice-milter.conf(5)). Pure: the answers come from elsewhere.
namespace sluice {

/// One configured rule.
struct DnsblRule {
    enum class Kind : std::uint8_t { deny, allow };
    enum class Action : std::uint8_t { reject, tempfail, mark, observe };

    std::string name;     ///< a token: header value and metric label
    std::size_t zone = 0; ///< index into DnsblRules::zones()
    std::string provider; ///< what %2 shows
    DnsblMatch match;
    CodeRanges errors;         ///< further codes that are provider errors
    std::string replyTemplate; ///< with %0 %1 %2 %%
    Kind kind = Kind::deny;
    Action action = Action::reject;
    bool tempfailOnUnknown = false; ///< without effect for Action::observe, which never refuses
    bool ipv6 = true;               ///< false: the rule is not for IPv6 clients
};

/// A list, asked once for a client however many rules use it.
struct DnsblZone {
    std::string name; ///< canonical, no final dot; may hold a paid key: never shown
    std::string
        shown; ///< what logs may show: the provider of its rules if one is given, else the name
    CodeRanges errors; ///< those of all its rules
    bool ipv6 = false; ///< some rule of it is for IPv6 clients (all are for IPv4 clients)
};

/// The value of the option `dnsbl`, understood. The rule's zone index and a provider that is not
/// given are set when it becomes part of DnsblRules.
struct ParsedDnsblRule {
    DnsblRule rule;
    std::string zone; ///< canonical, no final dot
};

/// `NAME ZONE [match=…] [reply="…"] [on-unknown=pass|tempfail] [errors=…]
/// [action=reject|tempfail|mark|observe] [kind=deny|allow] [ipv6=yes|no] [provider=…]`.
/// Error: another form; a NAME that is not 1 to 64 of `A-Z a-z 0-9 _ . -`; a zone under which
/// the name of a query would be over 253 octets; a reply with another `%` than %0 %1 %2 %%, with
/// characters outside printable ASCII, or over SmtpReply::maxText once expanded; action or reply on
/// an allow rule. No message shows the zone of a rule that names a provider.
Result<ParsedDnsblRule> parseDnsblRule(std::string_view text);

/// The rules in their order and the zones that they ask. Does not change after build(); any thread.
class DnsblRules {
public:
    class Builder;

    [[nodiscard]] const std::vector<DnsblRule>& rules() const { return rules_; }
    /// Each zone once, in the order of their first rules.
    [[nodiscard]] const std::vector<DnsblZone>& zones() const { return zones_; }
    [[nodiscard]] bool empty() const { return rules_.empty(); }

private:
    std::vector<DnsblRule> rules_;
    std::vector<DnsblZone> zones_;
};

class DnsblRules::Builder {
public:
    /// Error: a rule of that name is there already; nothing is added then.
    Result<void> add(ParsedDnsblRule parsed);
    /// Leaves the builder empty.
    DnsblRules build();

private:
    std::size_t zoneFor(const ParsedDnsblRule& parsed);
    DnsblRules rules_;
};

/// What is asked about a client: its reversed octets (IPv6: nibbles) under the zone, with the final
/// dot (RFC 5782 sections 2.1 and 2.4).
std::string queryName(const IpAddress& client, const DnsblZone& zone);
/// The same for 16 octets that need not be an IpAddress, as ::ffff:127.0.0.2 of the self-test.
std::string queryName(const std::array<std::uint8_t, 16>& v6, const DnsblZone& zone);

/// The rule's reply text for this client; not yet sanitised nor cut.
std::string expandReply(const DnsblRule& rule, const IpAddress& client);

/// What an answer is, and whether the rule matches: "PROVIDER: listed 127.0.0.2, matches".
std::string describe(const DnsblRule& rule, const DnsblAnswer& answer);

/// Where the rules get their answers, zone by zone, for one client. answer() may wait for the DNS,
/// never beyond its deadline; each zone is asked once for a connection. Called by one thread at a
/// time.
class DnsblAnswers {
public:
    virtual ~DnsblAnswers() = default;
    virtual DnsblAnswer answer(std::size_t zone) = 0;
};

/// What the rules say about one client. Numbers are indices into DnsblRules::rules().
struct DnsblDecision {
    enum class Outcome : std::uint8_t {
        pass,     ///< no rule decided
        allowed,  ///< an allow rule matched: also a pass
        reject,   ///< 550 5.7.1
        tempfail, ///< 451 4.7.1, a rule with action=tempfail matched
        unknown,  ///< 451 4.4.3, no answer for a rule with on-unknown=tempfail
    };

    Outcome outcome = Outcome::pass;
    std::optional<std::size_t> rule;   ///< the rule that decided; none for pass
    std::optional<SmtpReply> reply;    ///< for reject, tempfail and unknown
    std::vector<std::size_t> marked;   ///< matched rules with action=mark, in order
    std::vector<std::size_t> observed; ///< matched rules with action=observe, in order
    std::vector<std::size_t> unknown;  ///< rules without an answer, in order, whatever they do then
};

/// Tries the rules in their order; the first that decides ends it, and later answers are not asked
/// for. Rules of a suspended zone match nothing and are not unknown.
DnsblDecision evaluate(const DnsblRules& rules, const IpAddress& client, DnsblAnswers& answers);

} // namespace sluice
