// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/digest.hh"
#include "common/ip_network.hh"
#include "common/mail_address.hh"
#include "common/network_set.hh"
#include "milter/policy/header_list.hh"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What is known so far about a connection and its message; plain data.
namespace sluice {

/// The parts of the filter that a listener can switch.
enum class Area : std::uint8_t { connection, sender, recipient, limits, lists, loops };

class AreaSet {
public:
    static AreaSet all() { return AreaSet(0x3f); }
    AreaSet() = default;

    void add(Area area) { bits_ = static_cast<std::uint8_t>(bits_ | bit(area)); }
    void addAll() { bits_ = all().bits_; }
    [[nodiscard]] bool has(Area area) const { return (bits_ & bit(area)) != 0; }
    [[nodiscard]] bool empty() const { return bits_ == 0; }

    friend bool operator==(const AreaSet&, const AreaSet&) = default;

private:
    explicit AreaSet(std::uint8_t bits) : bits_(bits) {}
    static std::uint8_t bit(Area area) {
        return static_cast<std::uint8_t>(1U << static_cast<unsigned>(area));
    }
    std::uint8_t bits_ = 0;
};

/// Where the client stands in the address lists, found once at connect.
struct ClientStanding {
    bool trusted = false;
    std::optional<NetworkSet::Match> accepted = std::nullopt;
    std::optional<NetworkSet::Match> denied = std::nullopt;
};

class Explanation;

/// The other side of the connection. Lives as long as it.
struct Client {
    std::optional<IpAddress> address; ///< none: not over TCP, or the MTA does not know it
    std::string name;                 ///< as the MTA gives it; untrusted text
    std::string helo;                 ///< untrusted text
    /// The MTA itself, or a program on its machine: mail that came by no connection. Refused, it
    /// would stay in the MTA's queue.
    bool internal = false;
    AreaSet areas = AreaSet::all(); ///< what its listener applies
    bool authRequired = false;      ///< its listener refuses anonymous mail
    ClientStanding standing;
    std::uint64_t messagesDone = 0; ///< completed messages of this connection
    std::uint64_t octetsDone = 0;   ///< octets of those messages
    /// Is told of each rule that is tried. Null for all real clients.
    Explanation* explanation = nullptr;

    [[nodiscard]] std::string addressText() const { return address ? address->text() : "unknown"; }
};

struct MailingList;

/// What an address is to us.
enum class RecipientRole : std::uint8_t {
    user,
    list,
    robot,         ///< a program that answers mail
    bounceAddress, ///< a signed return path that we made for a list
    staleBounce,   ///< one whose signature has expired, or was never ours
};

/// One accepted recipient.
struct Recipient {
    std::string text;    ///< the argument of RCPT as it was sent; untrusted text
    MailAddress address; ///< who is meant by it
    /// What the MTA makes of it, the null address when it does not say: `a`, `a%b.example` and
    /// `"a@b.example"` may all be a@b.example.
    MailAddress resolved;
    RecipientRole role = RecipientRole::user;
    const MailingList* list = nullptr; ///< of `list`, `bounceAddress` and `staleBounce`
    bool outside = false;              ///< it is none of ours, and its domain is not local
    bool dsnParameters = false;        ///< RCPT had NOTIFY or ORCPT (RFC 3461 section 4)
    std::string nextHop;               ///< where the MTA would send it ({rcpt_host})
};

/// What MAIL and RCPT said. Lives as long as the message.
struct Envelope {
    MailAddress sender;
    /// What the MTA makes of it: rewriting turns `a%b.example` into `a@b.example`. The null address
    /// when the MTA does not say.
    MailAddress resolvedSender;
    std::string senderText;     ///< the argument of MAIL as it was sent; untrusted text
    bool authenticated = false; ///< the MTA says that the client has authenticated
    bool dsnParameters = false; ///< MAIL had RET or ENVID (RFC 3461 section 4)
    std::optional<std::uint64_t> declaredSize; ///< SIZE=; a number over 64 bits is their maximum
    std::uint64_t recipientsAccepted = 0;
    std::vector<Recipient> recipients; ///< the accepted ones, kept where a rule wants them
};

/// The body, as far as it is looked at. The view lasts as long as the message.
struct BodyFacts {
    std::string_view prefix; ///< its beginning as sent, at most maxScannedBody octets
    std::uint64_t octets = 0;
    Digest digest{}; ///< SHA-256 of all of it
};

} // namespace sluice
