// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/track_story.hh"

#include "common/text.hh"
#include "common/timestamp.hh"
#include "milter/ctl/track_query.hh"

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <ostream>
#include <utility>

namespace sluice::ctl {
namespace {

using nlohmann::ordered_json;

/// So many texts are looked for in each line; with more, lines are parsed instead.
constexpr std::size_t mostSearched = 8;
/// Of one message; a list has many members.
constexpr std::size_t mostLines = 100'000;
constexpr std::size_t shownRecipients = 20;

/// One line of a paragraph.
struct Event {
    std::chrono::system_clock::time_point time;
    std::string name;
    std::string text; ///< fit for display
    ordered_json json;
};

std::string pathText(std::string_view path) {
    return fmt::format("<{}>", escapeForDisplay(path));
}

std::string joined(const std::vector<std::string>& recipients) {
    std::string text;
    for (std::size_t i = 0; i < std::min(recipients.size(), shownRecipients); ++i)
        text += (i == 0 ? "" : ", ") + escapeForDisplay(recipients[i]);
    if (recipients.size() > shownRecipients)
        text += fmt::format(" and {} more", recipients.size() - shownRecipients);
    return text;
}

void addPart(std::string& text, std::string_view name, std::string_view value) {
    if (!value.empty())
        text += fmt::format("{}{} {}", text.empty() ? "" : "; ", name, value);
}

std::string textOf(const TrackingRecord& record) {
    std::string text;
    addPart(text, "sender", escapeForDisplay(record.sender));
    if (record.returnPath && record.returnPathBefore)
        addPart(text, "return path",
                pathText(*record.returnPathBefore) + " -> " + pathText(*record.returnPath));
    else if (record.returnPath)
        addPart(text, "return path", pathText(*record.returnPath));
    addPart(text, "recipients", joined(record.recipients));
    addPart(text, "->", escapeForDisplay(record.becomes));
    addPart(text, record.observed ? "would" : "action", escapeForDisplay(record.action));
    addPart(text, "by", escapeForDisplay(record.rule));
    addPart(text, "reply", escapeForDisplay(record.reply));
    addPart(text, "subject", escapeForDisplay(record.subject));
    return text;
}

Event eventOf(const TrackingRecord& record) {
    return {record.time, std::string(nameOf(record.event)), textOf(record),
            ordered_json::parse(formatTracking(record), nullptr, false)};
}

/// The list, and whom the mail server made of it.
Event expandEvent(const std::string& list, const std::vector<const MtaLine*>& lines) {
    std::vector<std::string> members;
    for (const MtaLine* const line : lines)
        if (std::find(members.begin(), members.end(), line->to) == members.end())
            members.push_back(line->to);
    Event event{
        lines.front()->time, "EXPAND", escapeForDisplay(list) + " -> " + joined(members), {}};
    event.json = {{"time", formatTimestamp(event.time)},
                  {"event", "EXPAND"},
                  {"queue_id", lines.front()->queueId},
                  {"list", list},
                  {"recipients", members}};
    return event;
}

Event sendEvent(const MtaLine& line, const std::string& from) {
    Event event{line.time, "SEND", {}, {}};
    addPart(event.text, "return path", from.empty() ? "" : escapeForDisplay(from));
    addPart(event.text, "recipients", escapeForDisplay(line.to));
    addPart(event.text, "relay", escapeForDisplay(line.relay));
    addPart(event.text, "status", escapeForDisplay(line.status));
    event.json = {{"time", formatTimestamp(line.time)},
                  {"event", "SEND"},
                  {"queue_id", line.queueId},
                  {"recipients", {line.to}},
                  {"relay", line.relay},
                  {"status", line.status}};
    if (from.size() >= 2)
        event.json["return_path"] = from.substr(1, from.size() - 2);
    return event;
}

void addLines(const std::vector<MtaLine>& lines, std::vector<Event>& events) {
    std::map<std::string, std::string> from;
    for (const MtaLine& line : lines)
        if (!line.from.empty())
            from[line.queueId] = line.from;
    std::map<std::string, std::vector<const MtaLine*>> expanded;
    for (const MtaLine& line : lines) {
        if (line.to.empty())
            continue;
        if (!line.originalTo.empty() && !equalsIgnoringCase(line.originalTo, line.to))
            expanded[line.originalTo].push_back(&line);
        events.push_back(sendEvent(line, from[line.queueId]));
    }
    for (const auto& [list, members] : expanded)
        events.push_back(expandEvent(list, members));
}

/// What happens at the same moment in its natural order: an expansion before what it leads to.
bool isBefore(const Event& a, const Event& b) {
    const auto rank = [](const Event& event) { return event.name == "SEND" ? 1 : 0; };
    return std::pair(a.time, rank(a)) < std::pair(b.time, rank(b));
}

void printEvents(const std::vector<Event>& events, std::ostream& out) {
    for (const Event& event : events)
        fmt::print(out, "  {} {:<9} {}\n", formatTimestamp(event.time).substr(0, 23), event.name,
                   event.text);
}

void printJsonLines(const std::vector<Event>& events, std::ostream& out) {
    for (const Event& event : events)
        out << event.json.dump(-1, ' ', true, ordered_json::error_handler_t::replace) << '\n';
}

template<typename Message>
std::vector<Event> eventsOf(const Message& message) {
    std::vector<Event> events;
    for (const TrackingRecord& record : message.records)
        events.push_back(eventOf(record));
    addLines(message.lines, events);
    std::stable_sort(events.begin(), events.end(), isBefore);
    return events;
}

/// The first text that a record of the message has.
template<typename Message>
std::string firstOf(const Message& message, std::string TrackingRecord::*member) {
    for (const TrackingRecord& record : message.records)
        if (!(record.*member).empty())
            return record.*member;
    return {};
}

} // namespace

TrackStory::Key TrackStory::keyOf(const TrackingRecord& record) {
    return {record.node, record.queueId.empty() ? record.messageId : record.queueId};
}

void TrackStory::want(const TrackingRecord& record) {
    const Key key = keyOf(record);
    if (wanted_.size() + lonely_.size() >= most_ && wanted_.count(key) == 0) {
        overflowed_ = true;
        return;
    }
    if (key.second.empty()) {
        lonely_.push_back(record);
        return;
    }
    wanted_.insert(key);
    searched_.insert(asWritten(key.second));
    if (record.messageId.empty())
        return;
    wantedIds_.insert(record.messageId);
    searched_.insert(asWritten(record.messageId));
}

bool TrackStory::mayBelong(std::string_view line) const {
    return searched_.size() > mostSearched ||
           std::any_of(searched_.begin(), searched_.end(),
                       [&](const std::string& text) { return line.find(text) != line.npos; });
}

void TrackStory::add(TrackingRecord&& record) {
    const Key key = keyOf(record);
    if (key.second.empty() || (wanted_.count(key) == 0 && wantedIds_.count(record.messageId) == 0))
        return;
    if (messages_.size() >= most_ && wanted_.count(key) == 0 && messages_.count(key) == 0) {
        overflowed_ = true; // a copy of a wanted one
        return;
    }
    Message& message = messages_[key];
    if (message.records.size() < mostLines)
        message.records.push_back(std::move(record));
    if (!message.records.back().queueId.empty())
        byQueueId_[message.records.back().queueId] = key;
}

std::set<std::string> TrackStory::queueIds() const {
    std::set<std::string> ids;
    for (const auto& [id, key] : byQueueId_)
        ids.insert(id);
    return ids;
}

bool TrackStory::addChild(const MtaLine& line) {
    const auto parent = byQueueId_.find(line.queueId);
    if (parent == byQueueId_.end() || line.child.empty() || byQueueId_.count(line.child) != 0)
        return false;
    const Key key = parent->second;
    byQueueId_.emplace(line.child, key);
    return true;
}

void TrackStory::add(MtaLine&& line) {
    const auto known = byQueueId_.find(line.queueId);
    if (known == byQueueId_.end() || (line.to.empty() && line.from.empty()))
        return;
    Message& message = messages_[known->second];
    if (message.lines.size() < mostLines)
        message.lines.push_back(std::move(line));
}

void TrackStory::print(std::ostream& out) const {
    std::vector<Event> events;
    for (const TrackingRecord& record : lonely_)
        events.push_back(eventOf(record));
    if (!events.empty())
        fmt::print(out, "refused before there was a message\n");
    printEvents(events, out);
    std::vector<const std::pair<const Key, Message>*> inOrder;
    for (const auto& each : messages_)
        inOrder.push_back(&each);
    std::sort(inOrder.begin(), inOrder.end(), [](const auto* a, const auto* b) {
        return a->second.records.front().time < b->second.records.front().time;
    });
    for (const auto* const each : inOrder) {
        const Message& message = each->second;
        fmt::print(out, "{} queue {} on {}, from {}\n",
                   escapeForDisplay(firstOf(message, &TrackingRecord::messageId)),
                   escapeForDisplay(firstOf(message, &TrackingRecord::queueId)),
                   escapeForDisplay(each->first.first),
                   escapeForDisplay(firstOf(message, &TrackingRecord::client)));
        printEvents(eventsOf(message), out);
    }
}

void TrackStory::printJson(std::ostream& out) const {
    std::vector<Event> events;
    for (const TrackingRecord& record : lonely_)
        events.push_back(eventOf(record));
    for (const auto& [key, message] : messages_)
        for (Event& event : eventsOf(message))
            events.push_back(std::move(event));
    std::stable_sort(events.begin(), events.end(), isBefore);
    printJsonLines(events, out);
}

} // namespace sluice::ctl
