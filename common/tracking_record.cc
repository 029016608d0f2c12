// SPDX-License-Identifier: BSD-2-Clause
#include "common/tracking_record.hh"

#include "common/timestamp.hh"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace sluice {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::pair<TrackingEvent, std::string_view>, 12> eventNames{{
    {TrackingEvent::receive, "RECEIVE"},
    {TrackingEvent::refuse, "REFUSE"},
    {TrackingEvent::transfer, "TRANSFER"},
    {TrackingEvent::redirect, "REDIRECT"},
    {TrackingEvent::discard, "DISCARD"},
    {TrackingEvent::badmail, "BADMAIL"},
    {TrackingEvent::hold, "HOLD"},
    {TrackingEvent::mark, "MARK"},
    {TrackingEvent::loop, "LOOP"},
    {TrackingEvent::duplicate, "DUPLICATE"},
    {TrackingEvent::bounce, "BOUNCE"},
    {TrackingEvent::counts, "COUNTS"},
}};

/// Texts with a name of their own in the line.
constexpr std::array<std::pair<std::string_view, std::string TrackingRecord::*>, 12> texts{{
    {"node", &TrackingRecord::node},
    {"queue_id", &TrackingRecord::queueId},
    {"message_id", &TrackingRecord::messageId},
    {"client", &TrackingRecord::client},
    {"stage", &TrackingRecord::stage},
    {"rule", &TrackingRecord::rule},
    {"action", &TrackingRecord::action},
    {"reply", &TrackingRecord::reply},
    {"class", &TrackingRecord::messageClass},
    {"sender", &TrackingRecord::sender},
    {"becomes", &TrackingRecord::becomes},
    {"subject", &TrackingRecord::subject},
}};

constexpr std::array<std::pair<std::string_view, std::uint64_t ZoneCounts::*>, 4> zoneNumbers{{
    {"queries", &ZoneCounts::queries},
    {"listed", &ZoneCounts::listed},
    {"unknown", &ZoneCounts::unknown},
    {"provider_errors", &ZoneCounts::providerErrors},
}};

/// Behind the recipients there is little more than this.
constexpr std::size_t roomForRest = 64UL * 1024;

std::string quoted(std::string_view text) {
    return Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
}

/// `{"name":value,…}`, a field at a time.
class LineWriter {
public:
    void text(std::string_view name, std::string_view value) {
        begin(name);
        line_ += quoted(value.substr(0, longestText));
    }
    void textUnlessEmpty(std::string_view name, std::string_view value) {
        if (!value.empty())
            text(name, value);
    }
    void number(std::string_view name, std::uint64_t value) {
        begin(name);
        line_ += std::to_string(value);
    }
    void flag(std::string_view name) {
        begin(name);
        line_ += "true";
    }
    void texts(std::string_view name, const std::vector<std::string>& values) {
        begin(name);
        line_ += '[';
        for (std::size_t i = 0; i < values.size(); ++i) {
            const std::string value = quoted(std::string_view(values[i]).substr(0, longestText));
            if (line_.size() + value.size() + roomForRest > maxTrackingLine)
                break;
            line_ += i == 0 ? "" : ",";
            line_ += value;
        }
        line_ += ']';
    }
    void raw(std::string_view name, std::string_view value) {
        begin(name);
        line_ += value;
    }
    std::string take() {
        line_ += '}';
        return std::move(line_);
    }

private:
    static constexpr std::size_t longestText = 2000;

    void begin(std::string_view name) {
        line_.append(line_.empty() ? "{\"" : ",\"").append(name).append("\":");
    }

    std::string line_;
};

std::string formatZones(const std::vector<ZoneCounts>& zones) {
    auto list = Json::array();
    for (const ZoneCounts& zone : zones) {
        Json each{{"zone", zone.zone}};
        for (const auto& [name, member] : zoneNumbers)
            each[name] = zone.*member;
        list.push_back(std::move(each));
    }
    return list.dump(-1, ' ', true, Json::error_handler_t::replace);
}

/// Fills a record while a line is read, without a tree of values between: the log of a day has
/// millions of lines.
class LineReader : public nlohmann::json_sax<Json> {
public:
    TrackingRecord record;
    bool hasEvent = false;
    bool hasTime = false;

    bool null() override { return true; }
    bool boolean(bool value) override {
        if (depth_ == 1 && key_ == "observed")
            record.observed = value;
        return true;
    }
    bool number_integer(number_integer_t /*negative*/) override { return true; }
    bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
    bool binary(binary_t& /*value*/) override { return false; }
    bool number_unsigned(number_unsigned_t value) override {
        if (depth_ == 1 && key_ == "session")
            record.session = value;
        else if (depth_ == 1 && key_ == "octets")
            record.octets = value;
        else if (inZone())
            for (const auto& [name, member] : zoneNumbers)
                if (innerKey_ == name)
                    record.zones.back().*member = value;
        return true;
    }
    bool string(string_t& value) override {
        if (depth_ == 1)
            take(value);
        else if (depth_ == 2 && key_ == "recipients")
            record.recipients.push_back(std::move(value));
        else if (inZone() && innerKey_ == "zone")
            record.zones.back().zone = std::move(value);
        return true;
    }
    bool start_object(std::size_t /*size*/) override {
        if (++depth_ == 3 && key_ == "zones")
            record.zones.emplace_back();
        return depth_ <= deepest;
    }
    bool key(string_t& name) override {
        (depth_ == 1 ? key_ : innerKey_) = std::move(name);
        return true;
    }
    bool end_object() override { return --depth_ >= 0; }
    bool start_array(std::size_t /*size*/) override { return depth_++ > 0 && depth_ <= deepest; }
    bool end_array() override { return --depth_ >= 0; }
    bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                     const nlohmann::detail::exception& /*error*/) override {
        return false;
    }

private:
    static constexpr int deepest = 8;

    [[nodiscard]] bool inZone() const {
        return depth_ == 3 && key_ == "zones" && !record.zones.empty();
    }
    void take(std::string& value) {
        if (key_ == "event") {
            const auto event = trackingEventFromName(value);
            hasEvent = event.has_value();
            record.event = event.value_or(TrackingEvent::receive);
        } else if (key_ == "time") {
            const auto time = parseTimestamp(value);
            hasTime = time.has_value();
            if (time)
                record.time = *time;
        } else if (key_ == "return_path") {
            record.returnPath = std::move(value);
        } else if (key_ == "return_path_before") {
            record.returnPathBefore = std::move(value);
        } else {
            const auto member = trackingText(key_);
            if (member != nullptr)
                record.*member = std::move(value);
        }
    }

    int depth_ = 0;
    std::string key_;
    std::string innerKey_;
};

} // namespace

std::string_view nameOf(TrackingEvent event) {
    return eventNames[static_cast<std::size_t>(event)].second;
}

std::optional<TrackingEvent> trackingEventFromName(std::string_view name) {
    const auto found = std::find_if(eventNames.begin(), eventNames.end(),
                                    [&](const auto& each) { return each.second == name; });
    return found == eventNames.end() ? std::nullopt : std::optional(found->first);
}

std::string TrackingRecord::*trackingText(std::string_view name) {
    const auto found = std::find_if(texts.begin(), texts.end(),
                                    [&](const auto& each) { return each.first == name; });
    return found == texts.end() ? nullptr : found->second;
}

std::string formatTracking(const TrackingRecord& record) {
    LineWriter line;
    line.text("time", formatTimestamp(record.time));
    line.text("event", nameOf(record.event));
    if (record.session != 0)
        line.number("session", record.session);
    for (const auto& [name, member] : texts)
        line.textUnlessEmpty(name, record.*member);
    if (record.returnPathBefore)
        line.text("return_path_before", *record.returnPathBefore);
    if (record.returnPath)
        line.text("return_path", *record.returnPath);
    if (record.octets != 0)
        line.number("octets", record.octets);
    if (record.observed)
        line.flag("observed");
    if (!record.recipients.empty())
        line.texts("recipients", record.recipients);
    if (!record.zones.empty())
        line.raw("zones", formatZones(record.zones));
    return line.take();
}

Result<TrackingRecord> parseTracking(std::string_view line) {
    if (line.size() > maxTrackingLine)
        return fail("the line is longer than any that is written");
    LineReader reader;
    if (!Json::sax_parse(line.begin(), line.end(), &reader))
        return fail("it is no JSON object of a tracking log");
    if (!reader.hasEvent)
        return fail("it has no known event");
    if (!reader.hasTime)
        return fail("it has no time");
    return std::move(reader.record);
}

} // namespace sluice
