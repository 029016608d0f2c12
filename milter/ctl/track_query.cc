// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/track_query.hh"

#include "common/mail_address.hh"
#include "common/text.hh"
#include "common/timestamp.hh"
#include "milter/ctl/time_words.hh"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace sluice::ctl {
namespace {

bool isLetter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// As it stands in a line; the writer escapes the same way.
std::string asWritten(std::string_view text) {
    const std::string quoted =
        nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    return quoted.substr(1, quoted.size() - 2);
}

bool isPlain(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return isLetter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
    });
}

/// What each line with such an address has in it; empty: nothing that can be told.
std::string_view partOf(const AddressPattern& pattern) {
    std::string_view part = pattern.key;
    // the domain of an address may be written in another form, and its local part be quoted
    if (pattern.kind == AddressPattern::Kind::address)
        part = part.substr(0, part.rfind('@'));
    else if (pattern.kind != AddressPattern::Kind::localPart)
        return {};
    return isPlain(part) ? part : std::string_view();
}

bool fits(const AddressPattern& pattern, std::string_view text) {
    return pattern.matches(MailAddress::fromPath(fmt::format("<{}>", text)));
}

std::string_view withoutBrackets(std::string_view id) {
    if (id.starts_with('<'))
        id.remove_prefix(1);
    if (id.ends_with('>'))
        id.remove_suffix(1);
    return id;
}

bool senderFits(const AddressPattern& pattern, const TrackingRecord& record) {
    return (record.returnPath && fits(pattern, *record.returnPath)) ||
           (record.returnPathBefore && fits(pattern, *record.returnPathBefore)) ||
           (!record.sender.empty() && fits(pattern, record.sender));
}

bool recipientFits(const AddressPattern& pattern, const TrackingRecord& record) {
    return std::any_of(record.recipients.begin(), record.recipients.end(),
                       [&](const std::string& each) { return fits(pattern, each); }) ||
           (record.event == TrackingEvent::redirect && !record.becomes.empty() &&
            fits(pattern, record.becomes));
}

} // namespace

bool containsIgnoringCase(std::string_view text, std::string_view part) {
    if (part.empty())
        return true;
    // A character that has no other case is found fast.
    const auto fixed = std::find_if_not(part.begin(), part.end(), isLetter);
    const auto offset =
        fixed == part.end() ? std::size_t{0} : static_cast<std::size_t>(fixed - part.begin());
    const auto fitsAt = [&](std::size_t at) {
        return at >= offset && equalsIgnoringCase(text.substr(at - offset, part.size()), part);
    };
    const char first = part[offset];
    const std::string either{lowerAscii(first),
                             isLetter(first) ? static_cast<char>(lowerAscii(first) - 'a' + 'A')
                                             : first};
    const std::string_view anchors =
        fixed == part.end() ? std::string_view(either) : std::string_view(either).substr(0, 1);
    for (std::size_t at = text.find_first_of(anchors); at != text.npos;
         at = text.find_first_of(anchors, at + 1))
        if (fitsAt(at))
            return true;
    return false;
}

bool TrackQuery::mayMatch(std::string_view line) const {
    if (!messageId.empty() && line.find(asWritten(withoutBrackets(messageId))) == line.npos)
        return false;
    if (!queueId.empty() && line.find(asWritten(queueId)) == line.npos)
        return false;
    if (sender && !containsIgnoringCase(line, partOf(*sender)))
        return false;
    if (recipient && !containsIgnoringCase(line, partOf(*recipient)))
        return false;
    if (!rule.empty() && !containsIgnoringCase(line, asWritten(rule)))
        return false;
    return events.empty() || std::any_of(events.begin(), events.end(), [&](TrackingEvent event) {
               return line.find(nameOf(event)) != std::string_view::npos;
           });
}

bool TrackQuery::matches(const TrackingRecord& record) const {
    if (!messageId.empty() && withoutBrackets(record.messageId) != withoutBrackets(messageId))
        return false;
    if (!queueId.empty() && record.queueId != queueId)
        return false;
    if (sender && !senderFits(*sender, record))
        return false;
    if (recipient && !recipientFits(*recipient, record))
        return false;
    if (!rule.empty() && !containsIgnoringCase(record.rule, rule))
        return false;
    if (client) {
        const auto address = IpAddress::parse(record.client);
        if (!address || !client->contains(*address))
            return false;
    }
    return events.empty() || std::find(events.begin(), events.end(), record.event) != events.end();
}

Result<std::chrono::system_clock::time_point> parseWhen(std::string_view text,
                                                        std::chrono::system_clock::time_point now) {
    if (const auto exact = parseTimestamp(text))
        return *exact;
    return parseTimeWord(text, now);
}

} // namespace sluice::ctl
