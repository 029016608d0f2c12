// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the tracking log says of a message: one JSON object a line. The daemon writes it, sluicectl
/// reads it.
namespace sluice {

enum class TrackingEvent : std::uint8_t {
    receive,   ///< a message was taken
    refuse,    ///< a connection, a command or a message was refused
    transfer,  ///< the return path was replaced: for a list, or to end a loop
    redirect,  ///< a recipient was replaced, or taken away
    discard,   ///< a message was taken and dropped
    badmail,   ///< it was stored in badmail-dir and dropped
    hold,      ///< it was put into the MTA's quarantine
    mark,      ///< it got a header, or a rule only observes
    loop,      ///< it was found in a loop; `action` says what was done
    duplicate, ///< it was dropped as a copy of an earlier one
    bounce,    ///< a list's member could not be reached (`recipients`), by a report
    counts,    ///< no message: what the look-ups of the last minutes came to
};

/// "RECEIVE", "REFUSE", …
std::string_view nameOf(TrackingEvent event);
std::optional<TrackingEvent> trackingEventFromName(std::string_view name);

/// Answers of a DNSBL since the counts before.
struct ZoneCounts {
    std::string zone;
    std::uint64_t queries = 0;
    std::uint64_t listed = 0;
    std::uint64_t unknown = 0;
    std::uint64_t providerErrors = 0;

    friend bool operator==(const ZoneCounts&, const ZoneCounts&) = default;
};

/// One line. Texts are as the client sent them, and so not fit for a terminal; empty: not known, or
/// without meaning for the event.
struct TrackingRecord {
    TrackingEvent event = TrackingEvent::receive;
    std::chrono::system_clock::time_point time; ///< to the millisecond
    std::string node;                           ///< the filter's host
    std::uint64_t session = 0;                  ///< of the connection, since the daemon's start
    std::string queueId;
    std::string messageId; ///< with its angle brackets
    std::string client;    ///< address
    std::string stage;     ///< connect, helo, mail, rcpt, data, headers, message
    std::string rule;
    std::string action; ///< refuse, hold, discard, mark, redirect, remove, …
    std::string reply;
    std::string messageClass;              ///< as nameOf(MessageClass)
    std::string sender;                    ///< the first address of From:
    std::optional<std::string> returnPath; ///< behind the event; empty is the null one
    std::optional<std::string> returnPathBefore;
    std::vector<std::string> recipients;
    std::string becomes; ///< of redirect: the new recipient; of badmail: the file
    std::string subject; ///< with track-subjects only
    std::uint64_t octets = 0;
    bool observed = false; ///< mode observe: it would have been done
    std::vector<ZoneCounts> zones;

    friend bool operator==(const TrackingRecord&, const TrackingRecord&) = default;
};

/// The member that stands under this name in a line, of those that are plain texts; nullptr: none.
std::string TrackingRecord::*trackingText(std::string_view name);

/// ASCII, without a line break. Octets that are not UTF-8 become U+FFFD.
std::string formatTracking(const TrackingRecord& record);

/// Error: the line is no JSON object, is longer than maxTrackingLine, or has no event or time.
/// Fields that are not known are passed over, so that an older tool reads a newer log.
Result<TrackingRecord> parseTracking(std::string_view line);

/// Longer lines are never written: the recipients that do not fit are left out.
inline constexpr std::size_t maxTrackingLine = 1024UL * 1024;

} // namespace sluice
