// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/address_pattern.hh"
#include "common/ip_network.hh"
#include "common/result.hh"
#include "common/tracking_record.hh"
#include "milter/ctl/tracking_reader.hh"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::ctl {

/// Which records of the tracking log are looked for: those that fit all that is given.
struct TrackQuery {
    std::optional<AddressPattern> sender = {}; ///< of the return path, before or behind, or From:
    std::optional<AddressPattern> recipient = {}; ///< one of them, or what became of it
    std::string messageId = {};                   ///< with or without angle brackets
    std::string queueId = {};
    std::optional<IpNetwork> client = {};
    std::string rule = {}; ///< some part of it, in any case
    std::vector<TrackingEvent> events = {};

    [[nodiscard]] bool empty() const {
        return !sender && !recipient && messageId.empty() && queueId.empty() && !client &&
               rule.empty() && events.empty();
    }

    [[nodiscard]] bool matches(const TrackingRecord& record) const;
};

/// Tells whether a line may hold a record that a query looks for, without parsing it.
class LineLook {
public:
    explicit LineLook(const TrackQuery& query);
    /// False is certain.
    [[nodiscard]] bool mayMatch(std::string_view line) const;

private:
    std::vector<std::string> exact_;       ///< all of these are in the line
    std::vector<std::string> anyCase_;     ///< and these, in any case
    std::vector<std::string_view> events_; ///< and one of these, where there are any
};

/// A text as it stands in a line, without its quotes.
std::string asWritten(std::string_view text);

/// `part` somewhere in `text`, ASCII letters in any case.
bool containsIgnoringCase(std::string_view text, std::string_view part);

/// A point in time: RFC 3339, or what parseTimeWord() takes. Error: neither.
Result<std::chrono::system_clock::time_point> parseWhen(std::string_view text,
                                                        std::chrono::system_clock::time_point now);

} // namespace sluice::ctl
