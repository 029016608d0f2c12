// SPDX-License-Identifier: BSD-2-Clause
#include "common/timestamp.hh"
#include "common/tracking_record.hh"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice;

namespace {

TrackingRecord whole() {
    TrackingRecord record;
    record.event = TrackingEvent::transfer;
    record.time = parseTimestamp("2026-11-23T10:20:30.405Z").value();
    record.node = "mx1";
    record.session = 7;
    record.queueId = "4ABC";
    record.messageId = "<a@b.example>";
    record.client = "192.0.2.1";
    record.stage = "message";
    record.rule = "list staff@example.org";
    record.action = "return-path";
    record.reply = "550 5.7.1 no";
    record.messageClass = "ordinary";
    record.sender = "ted@example.org";
    record.returnPath = "";
    record.returnPathBefore = "ted@example.org";
    record.recipients = {"a@example.org", "b@example.org"};
    record.becomes = "c@example.org";
    record.subject = "one \"two\"\r\nthree\xff";
    record.octets = 1234;
    record.observed = true;
    record.zones = {{"bl.example", 5, 1, 2, 3}, {"other.example", 1, 0, 0, 0}};
    return record;
}

} // namespace

TEST_CASE("a tracking record is read as it was written") {
    const std::string line = formatTracking(whole());
    for (const char c : line)
        CHECK((c >= ' ' && c < '\x7f'));
    auto expected = whole();
    expected.subject = "one \"two\"\r\nthree\xef\xbf\xbd";
    CHECK(parseTracking(line) == expected);
}

TEST_CASE("what is not known is left out of the line") {
    TrackingRecord record;
    record.event = TrackingEvent::refuse;
    record.time = parseTimestamp("2026-11-23T10:20:30.405Z").value();
    const std::string line = formatTracking(record);
    CHECK(line.find("\"event\":\"REFUSE\"") != line.npos);
    CHECK(line.find("return_path") == line.npos);
    CHECK(line.find("recipients") == line.npos);
    CHECK(parseTracking(line) == record);
}

TEST_CASE("every event has a name that leads back to it") {
    for (int i = 0; i <= static_cast<int>(TrackingEvent::counts); ++i) {
        const auto event = static_cast<TrackingEvent>(i);
        CHECK(trackingEventFromName(nameOf(event)) == event);
    }
    CHECK_FALSE(trackingEventFromName("receive"));
    CHECK_FALSE(trackingEventFromName(""));
}

TEST_CASE("lines that are no tracking records") {
    const std::string time = R"("time":"2026-11-23T10:20:30Z")";
    const std::vector<std::string> lines{
        "",
        "RECEIVE",
        "[]",
        "\"text\"",
        "{",
        "{}",
        "{" + time + "}",
        "{" + time + ",\"event\":\"ARRIVE\"}",
        "{" + time + ",\"event\":7}",
        R"({"event":"RECEIVE"})",
        R"({"event":"RECEIVE","time":"yesterday"})",
        "{" + time + ",\"event\":\"RECEIVE\"} more",
        "{" + time + ",\"event\":\"RECEIVE\"",
        "[{" + time + ",\"event\":\"RECEIVE\"}]",
        "{\"a\":" + std::string(100, '[') + std::string(100, ']') + "," + time +
            ",\"event\":\"RECEIVE\"}",
        std::string(maxTrackingLine + 1, ' '),
        std::string("\0", 1),
    };
    for (const std::string& line : lines) {
        CAPTURE(line.substr(0, 80));
        CHECK_FALSE(parseTracking(line).has_value());
    }
}

TEST_CASE("fields of a later version are passed over") {
    const auto record = parseTracking(
        R"({"time":"2026-11-23T10:20:30Z","event":"HOLD","new":{"rule":"x","recipients":["y"]},)"
        R"("zones":[3,{"zone":"z","queries":2,"more":[1]},"t"],"session":"no","rule":5,"octets":-1})");
    REQUIRE(record.has_value());
    CHECK(record->event == TrackingEvent::hold);
    CHECK(record->rule.empty());
    CHECK(record->recipients.empty());
    CHECK(record->zones == std::vector<ZoneCounts>{{"z", 2, 0, 0, 0}});
}

TEST_CASE("a line has a bound, whatever it is about") {
    TrackingRecord record = whole();
    record.recipients.assign(5000, std::string(300, '\x01'));
    record.subject.assign(1000000, '\x02');
    const std::string line = formatTracking(record);
    CHECK(line.size() <= maxTrackingLine);
    const auto read = parseTracking(line);
    REQUIRE(read.has_value());
    CHECK(read->recipients.size() > 100);
    CHECK(read->zones == record.zones);
}

TEST_CASE("times") {
    const auto time = parseTimestamp("2026-11-23T10:20:30.405Z");
    REQUIRE(time.has_value());
    CHECK(parseTimestamp(formatTimestamp(*time)) == *time);
    CHECK(parseTimestamp("2026-11-23T12:20:30.405999999+02:00") == *time);
    CHECK(parseTimestamp("2026-11-23T00:50:30.405-09:30") == *time);
    CHECK(parseTimestamp("1970-01-01T00:00:00Z") == std::chrono::system_clock::time_point{});
    for (const char* const text : {"",
                                   "2026-11-23",
                                   "2026-11-23T10:20:30",
                                   "2026-02-30T10:20:30Z",
                                   "2026-11-23 10:20:30Z",
                                   "2026-11-23T24:20:30Z",
                                   "2026-11-23T10:60:30Z",
                                   "2026-11-23T10:20:61Z",
                                   "2026-11-23T10:20:30.Z",
                                   "2026-11-23T10:20:30.1234567890Z",
                                   "2026-11-23T10:20:30z",
                                   "2026-11-23T10:20:30+0100",
                                   "2026-11-23T10:20:30+01:0",
                                   "2026-11-23T10:20:30Zx",
                                   "2026-11-23T1:20:30Z",
                                   "0027-01-01T00:00:00Z",
                                   "1969-12-31T23:59:59Z",
                                   "2300-01-01T00:00:00Z",
                                   "9999-12-31T23:59:59Z",
                                   "2026-11-23T-1:20:30Z"}) {
        CAPTURE(text);
        CHECK_FALSE(parseTimestamp(text).has_value());
    }
}
