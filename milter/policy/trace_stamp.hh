// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/civil_day.hh"
#include "common/keyring.hh"
#include "common/mail_address.hh"
#include "milter/policy/header_list.hh"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The trace stamp: the header in which sluice recognises a message that it has passed before.
///
///     X-Sluice-Trace: 1 KEYID DAY LIST HOP MAC
///
/// Behind the version all is base32, so that a stamp survives folding, a change of case and
/// quoted-printable. A stamp never grants anything: what is invalid counts for nothing. Pure; any
/// thread.
namespace sluice {

constexpr std::string_view traceHeader = "X-Sluice-Trace";

/// The most octets of a canonical Message-ID.
constexpr std::size_t longestMessageId = 250;

/// The form in which Message-IDs are compared, from the value of a Message-ID field: what stands in
/// the first `<>` (or all of it where there are none), without comments, folds and blanks, the part
/// behind the `@` in lower case. A longer one than longestMessageId ends in a digest of the whole.
/// Empty if there is none. Not for a value that is canonical already.
std::string canonicalMessageId(std::string_view headerValue);

/// What a stamp says.
struct TraceStamp {
    std::string keyId;
    CivilDay day{};   ///< on which it was made
    std::string tag;  ///< keyed hash of the subject; see isFor()
    unsigned hop = 0; ///< which pass it was, from 1

    friend bool operator==(const TraceStamp&, const TraceStamp&) = default;
};

/// What a stamp is about: the list that a post went to, or all recipients of a message, in any
/// order and each counted once. One address is the same subject both ways.
std::string stampSubject(const MailAddress& address);
std::string stampSubject(const std::vector<MailAddress>& recipients);

/// The value of a trace header, signed by the first key; the line with its name has at most 76
/// characters. `hop` is one more than the highest among the valid stamps of the message, so that
/// every pass makes another stamp. `messageId` is canonical; empty if the message has none.
std::string makeStamp(const Keyring& keyring, std::string_view subject, unsigned hop, CivilDay day,
                      std::string_view messageId);

/// The stamp that a header value holds, or nullopt: another form, a key that is not accepted, or a
/// MAC that is not ours for this message. Tolerates folds, a change of case and blanks around.
std::optional<TraceStamp> verifyStamp(const Keyring& keyring, std::string_view headerValue,
                                      std::string_view messageId);

/// The most trace headers of a message that are looked at, the topmost (newest) ones.
constexpr std::size_t maxStampsExamined = 20;

/// The valid stamps of a message, the topmost first. A stamp that somebody has copied counts once.
std::vector<TraceStamp> validStamps(const Keyring& keyring, const HeaderList& headers,
                                    std::string_view messageId);

/// Is a (valid) stamp about this subject?
bool isFor(const Keyring& keyring, const TraceStamp& stamp, std::string_view subject);

} // namespace sluice
