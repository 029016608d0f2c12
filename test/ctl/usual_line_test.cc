// SPDX-License-Identifier: BSD-2-Clause
#include "common/timestamp.hh"
#include "milter/ctl/usual_line.hh"

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
    record.subject = "one, {two}: [three]";
    record.octets = 1234;
    record.observed = true;
    return record;
}

} // namespace

TEST_CASE("usual line: what the filter writes") {
    CHECK(ctl::parseUsualLine(formatTracking(whole())) == whole());
    TrackingRecord bare;
    bare.time = whole().time;
    CHECK(ctl::parseUsualLine(formatTracking(bare)) == bare);
    for (int event = 0; event <= static_cast<int>(TrackingEvent::counts); ++event) {
        bare.event = static_cast<TrackingEvent>(event);
        CHECK(ctl::parseUsualLine(formatTracking(bare)) == bare);
    }
}

TEST_CASE("usual line: all else is left to the parser") {
    const std::string begin = R"({"time":"2026-11-23T10:20:30Z","event":"HOLD")";
    REQUIRE(ctl::parseUsualLine(begin + "}").has_value());
    for (const std::string& line :
         std::vector<std::string>{"",
                                  "{",
                                  "{}",
                                  "[]",
                                  begin,
                                  begin + ",",
                                  begin + ",}",
                                  begin + "} ",
                                  begin + "}}",
                                  " " + begin + "}",
                                  begin + R"(, "node":"a"})",
                                  begin + R"(,"node": "a"})",
                                  begin + R"(,"node":"a\u0041"})",
                                  begin + R"(,"subject":"a\"b"})",
                                  begin + ",\"node\":\"\xc3\xa4\"}",
                                  begin + ",\"node\":\"a\tb\"}",
                                  begin + R"(,"node":"a)",
                                  begin + R"(,"node"})",
                                  begin + R"(,"node":})",
                                  begin + R"(,"session":-1})",
                                  begin + R"(,"session":01})",
                                  begin + R"(,"session":})",
                                  begin + R"(,"session":99999999999999999999})",
                                  begin + R"(,"session":1.5})",
                                  begin + R"(,"other":1})",
                                  begin + R"(,"observed":false})",
                                  begin + R"(,"observed":})",
                                  begin + R"(,"recipients":[]})",
                                  begin + R"(,"recipients":["a",]})",
                                  begin + R"(,"recipients":["a"})",
                                  begin + R"(,"recipients":["a",1]})",
                                  begin + R"(,"zones":[{"zone":"z"}]})",
                                  R"({"time":"2026-11-23T10:20:30Z"})",
                                  R"({"event":"HOLD"})",
                                  R"({"time":"yesterday","event":"HOLD"})",
                                  R"({"time":"2026-11-23T10:20:30Z","event":"KEEP"})"}) {
        CAPTURE(line);
        CHECK_FALSE(ctl::parseUsualLine(line).has_value());
    }
}

TEST_CASE("usual line: it agrees with the parser where it takes a line") {
    const std::string line = formatTracking(whole());
    for (std::size_t at = 0; at < line.size(); ++at)
        for (const char c : {'"', ',', ':', '}', '[', '0', 'x', '\\'}) {
            std::string changed = line;
            changed[at] = c;
            const auto usual = ctl::parseUsualLine(changed);
            CAPTURE(changed);
            CHECK((!usual || parseTracking(changed) == *usual));
        }
}
