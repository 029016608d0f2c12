// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/mail_address.hh"
#include "milter/ctl/audit/finding.hh"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

/// What the review knows of an MTA, as plain data: the readers fill it, the rules look at it.
namespace sluice::ctl::audit {

enum class Mta : std::uint8_t { postfix, sendmail };

/// A set of domains in canonical form.
struct DomainSet {
    std::unordered_set<std::string> names;
    std::vector<std::string> inOrder; ///< as configured
    bool andBelow = false;            ///< domains below them belong to the set too
    bool complete = true;             ///< false: a part of it is in a table that was not read

    void add(std::string_view domain);
    [[nodiscard]] bool contains(const std::string& domain) const;
};

/// An entry of aliases(5), or of a virtual table, with the members of its :include: files.
struct Alias {
    enum class Source : std::uint8_t {
        local,        ///< aliases(5): for each local domain, and with an owner- alias beside it
        virtualTable, ///< virtual(5): the sender of a message stays
    };
    struct Member {
        MailAddress address; ///< without a domain where none is written
        bool final = false;  ///< is not looked up again
    };

    Source source = Source::local;
    /// Without a domain: in each local domain. Without a local part: everyone in the domain.
    MailAddress name;
    std::vector<Member> members;
    bool includes = false; ///< has an :include: file
    bool programs = false; ///< has a program or a file among its members
    Place place;
};

/// A socket where a milter listens.
struct Endpoint {
    std::string path; ///< of a unix socket, absolute; empty: inet
    std::string host; ///< lower case, without brackets
    std::string port;

    [[nodiscard]] bool known() const { return !path.empty() || !port.empty(); }
};

/// "unix:/PATH", "local:/PATH", "inet:PORT@HOST" or "inet6:…", as sluice and Sendmail write it;
/// what has no such beginning is a path. With nothing known in it: another form.
Endpoint parseEndpoint(std::string_view text);
/// Both are the same socket; one name of this host is as good as another, and no name is looked up.
bool isSame(const Endpoint& a, const Endpoint& b);

/// A milter as an MTA calls it.
struct MilterUse {
    enum class WhenAway : std::uint8_t { tempfail, accept, reject, quarantine };

    std::string name; ///< the socket as written (Postfix), the name of the filter (Sendmail)
    Endpoint endpoint;
    WhenAway whenAway = WhenAway::tempfail;
    std::chrono::seconds connect{0};
    std::chrono::seconds command{0};
    std::chrono::seconds content{0};
    Place place; ///< where its flags stand; those of Postfix: where the listener's milters do
};

/// Where mail comes in.
struct Listener {
    std::string name;
    Place place;            ///< where its milters are named
    bool loopback = false;  ///< reached from this machine alone
    bool chroot = false;    ///< its process sees the queue directory as the root
    bool bypassed = false;  ///< milters are switched off
    bool ownMilters = true; ///< false: those of all listeners
    std::vector<MilterUse> milters;
};

/// A setting with a number, and where it stands.
struct Number {
    std::uint64_t value = 0;
    Place place;
};

struct MtaFacts {
    Mta mta = Mta::postfix;
    bool extensions = false;     ///< USER+ANYTHING is delivered to USER
    bool aliasesComplete = true; ///< false: a table was not read
    bool filtersReports = true;  ///< the MTA's own reports go through the milters
    bool keepsOriginalRecipient = true;
    bool longQueueIds = true;
    std::string source;           ///< the directory or file that was asked for
    std::string hostName;         ///< canonical
    std::string origin;           ///< the domain of addresses that are written without one
    std::string queueDirectory;   ///< Postfix: unix sockets may be relative to it
    DomainSet local;              ///< domains whose addresses are looked up in aliases(5)
    DomainSet virtualAlias;       ///< domains that have nothing but aliases
    std::string virtualAliasLine; ///< Postfix: what names them now
    DomainSet virtualMailbox;
    DomainSet relay;
    Place localPlace;
    Place aliasFile;   ///< where an alias of the local domains would be written
    Place virtualFile; ///< where one of a virtual domain would be written
    std::vector<Alias> aliases;
    std::vector<Listener> listeners;
    Place milterPlace;                       ///< where a milter for all listeners is named
    std::string milterLine;                  ///< what stands there now, as written
    std::vector<MilterUse> milters;          ///< those it names
    std::vector<MilterUse> localMailMilters; ///< Postfix: of non_smtpd_milters
    Place localMailPlace;
    Place filtersReportsPlace;
    Number hopLimit;
    Place originalRecipientPlace;
    Place longQueueIdsPlace;
    Findings remarks; ///< what the reader itself has to say
};

/// The name of a parameter in the way in which this MTA writes it, for sentences.
std::string_view nameOf(Mta mta);

} // namespace sluice::ctl::audit
