// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/track_query.hh"

#include "common/mail_address.hh"
#include "common/text.hh"
#include "common/timestamp.hh"
#include "milter/ctl/time_words.hh"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace sluice::ctl {
namespace {

bool isLetter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
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
    const std::size_t fixed = static_cast<std::size_t>(
        std::find_if_not(part.begin(), part.end(), isLetter) - part.begin());
    const std::size_t offset = fixed == part.size() ? 0 : fixed;
    const std::array<char, 2> either{lowerAscii(part.front()),
                                     static_cast<char>(lowerAscii(part.front()) - 'a' + 'A')};
    const auto next = [&](std::size_t from) {
        return fixed == part.size() ? text.find_first_of({either.data(), either.size()}, from)
                                    : text.find(part[fixed], from);
    };
    for (std::size_t at = next(0); at != text.npos; at = next(at + 1))
        if (at >= offset && equalsIgnoringCase(text.substr(at - offset, part.size()), part))
            return true;
    return false;
}

/// The writer of the log escapes the same way.
std::string asWritten(std::string_view text) {
    const std::string quoted =
        nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    return quoted.substr(1, quoted.size() - 2);
}

LineLook::LineLook(const TrackQuery& query) {
    if (!query.messageId.empty())
        exact_.push_back(asWritten(withoutBrackets(query.messageId)));
    if (!query.queueId.empty())
        exact_.push_back(asWritten(query.queueId));
    for (const auto& pattern : {query.sender, query.recipient})
        if (pattern)
            anyCase_.emplace_back(partOf(*pattern));
    anyCase_.push_back(asWritten(query.rule));
    for (const TrackingEvent event : query.events)
        events_.push_back(nameOf(event));
}

bool LineLook::mayMatch(std::string_view line) const {
    return std::all_of(exact_.begin(), exact_.end(),
                       [&](const std::string& text) { return line.find(text) != line.npos; }) &&
           std::all_of(anyCase_.begin(), anyCase_.end(),
                       [&](const std::string& text) { return containsIgnoringCase(line, text); }) &&
           (events_.empty() ||
            std::any_of(events_.begin(), events_.end(),
                        [&](std::string_view name) { return line.find(name) != line.npos; }));
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
