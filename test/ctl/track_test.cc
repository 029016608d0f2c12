// SPDX-License-Identifier: BSD-2-Clause
#include "common/timestamp.hh"
#include "milter/ctl/mta_log.hh"
#include "milter/ctl/track_command.hh"
#include "milter/ctl/track_query.hh"
#include "test/support/capture_value.hh"
#include "test/support/scratch_directory.hh"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace sluice::ctl {
namespace {

using test::ScratchDirectory;
using test::writeFile;

TrackingRecord record() {
    TrackingRecord record;
    record.time = parseTimestamp("2026-11-23T10:00:00Z").value();
    record.node = "mx1";
    record.queueId = "4ABC";
    record.messageId = "<one@out.example>";
    record.client = "192.0.2.7";
    record.sender = "Ted@out.example";
    record.returnPath = "news-bounces@test.example";
    record.returnPathBefore = "ted@OUT.example";
    record.recipients = {"news@test.example", "\"odd one\"@test.example"};
    record.rule = "list news@test.example";
    record.event = TrackingEvent::transfer;
    return record;
}

AddressPattern pattern(const char* text) {
    return AddressPattern::parse(text).value();
}

TEST_CASE("what a query finds, and that the look at the line never hides it") {
    struct Case {
        const char* what;
        TrackQuery query;
        bool found;
    };
    const std::vector<Case> cases{
        {"return path before", {.sender = pattern("ted@out.example")}, true},
        {"return path behind", {.sender = pattern("news-bounces@")}, true},
        {"domain of the author", {.sender = pattern("@out.example")}, true},
        {"another domain", {.sender = pattern("@ut.example")}, false},
        {"blank", {.sender = pattern("<>")}, false},
        {"recipient", {.recipient = pattern("NEWS@test.example")}, true},
        {"quoted recipient", {.recipient = pattern("\"odd one\"@test.example")}, true},
        {"sender is no recipient", {.recipient = pattern("ted@out.example")}, false},
        {"Message-ID", {.messageId = "<one@out.example>"}, true},
        {"Message-ID without brackets", {.messageId = "one@out.example"}, true},
        {"part of a Message-ID", {.messageId = "one@out"}, false},
        {"queue id", {.queueId = "4ABC"}, true},
        {"part of a queue id", {.queueId = "4AB"}, false},
        {"client", {.client = IpNetwork::parse("192.0.2.0/28").value()}, true},
        {"other client", {.client = IpNetwork::parse("192.0.2.8").value()}, false},
        {"rule in another case", {.rule = "LIST News"}, true},
        {"other rule", {.rule = "listen"}, false},
        {"event", {.events = {TrackingEvent::loop, TrackingEvent::transfer}}, true},
        {"other event", {.events = {TrackingEvent::refuse}}, false},
        {"one of two does not fit", {.sender = pattern("ted@out.example"), .queueId = "5"}, false},
    };
    const std::string line = formatTracking(record());
    for (const Case& each : cases) {
        CAPTURE(each.what);
        CHECK(each.query.matches(record()) == each.found);
        if (each.found)
            CHECK(LineLook(each.query).mayMatch(line));
    }
}

TEST_CASE("texts in any case") {
    CHECK(containsIgnoringCase("", ""));
    CHECK(containsIgnoringCase("abc", ""));
    CHECK_FALSE(containsIgnoringCase("", "a"));
    CHECK(containsIgnoringCase("xAbC", "aBc"));
    CHECK(containsIgnoringCase("aab@c", "ab@"));
    CHECK(containsIgnoringCase("@@ab@c", "AB@C"));
    CHECK_FALSE(containsIgnoringCase("b@c", "ab@c"));
    CHECK_FALSE(containsIgnoringCase("ab@", "ab@c"));
}

TEST_CASE("times of a search") {
    const auto now = parseTimestamp("2026-11-23T10:00:00Z").value();
    CHECK(parseWhen("2h", now).value() == now - std::chrono::hours(2));
    CHECK(parseWhen("2026-11-23T10:00:00Z", now).value() == now);
    CHECK(parseWhen("2026-11-23T10:20", now).value() ==
          parseWhen("2026-11-23", now).value() + std::chrono::minutes(620));
    for (const char* const text :
         {"", "yesterday", "2026-11-23T", "-1h", "9999-01-01", "0001-01-01"})
        CHECK_FALSE(parseWhen(text, now).has_value());
}

TEST_CASE("lines of mail servers") {
    const std::string postfix = "Nov 23 21:35:00 mx postfix/";
    const auto sent =
        parseMtaLine(postfix + "smtp[2]: 8D93BABC44A: to=<a,b@out.example>, orig_to=<news@test."
                               "example>, relay=mx.out.example[192.0.2.1]:25, delay=0.06, dsn=2.0."
                               "0, status=sent (250 2.0.0 taken, to=<x>)",
                     2026);
    REQUIRE(sent.has_value());
    CHECK(sent->queueId == "8D93BABC44A");
    CHECK(sent->to == "a,b@out.example");
    CHECK(sent->originalTo == "news@test.example");
    CHECK(sent->relay == "mx.out.example[192.0.2.1]:25");
    CHECK(sent->status == "sent (250 2.0.0 taken, to=<x>)");
    const auto from = parseMtaLine(
        "2026-11-23T21:35:00.123456+01:00 mx postfix/qmgr[1]: 4ABC: from=<>, size=3, nrcpt=1 "
        "(queue active)",
        2020);
    REQUIRE(from.has_value());
    CHECK(from->from == "<>");
    CHECK(from->time == parseTimestamp("2026-11-23T20:35:00.123Z").value());
    CHECK(parseMtaLine(postfix + "local[3]: 4A: to=<x@y>, status=sent (forwarded as 5B7)", 2026)
              ->child == "5B7");
    CHECK(parseMtaLine(postfix + "bounce[3]: 4A: sender non-delivery notification: 6C", 2026)
              ->child == "6C");
    const auto sendmail = parseMtaLine(
        "Nov 23 21:35:00 mx sendmail[9]: 6ANLZ0qk024798: to=<m@out.example>, ctladdr=<news@test."
        "example> (8/0), delay=00:00:01, mailer=esmtp, relay=mx.out.example., dsn=2.0.0, stat=Sent "
        "(ok, taken)",
        2026);
    REQUIRE(sendmail.has_value());
    CHECK(sendmail->to == "m@out.example");
    CHECK(sendmail->originalTo == "news@test.example");
    CHECK(sendmail->status == "Sent (ok, taken)");
    for (const std::string& line :
         {std::string(), std::string("Nov"), std::string("Nov 23 21:35:00"),
          std::string("Nov 23 21:35:00 mx postfix/smtpd[1]: connect from unknown[127.0.0.1]"),
          std::string("Nov 23 21:35:00 mx postfix/smtpd[1]: warning: odd: thing"),
          std::string("Xyz 23 21:35:00 mx postfix/smtp[2]: 4A: to=<a@b>"),
          std::string("2026-13-23T21:35:00Z mx postfix/smtp[2]: 4A: to=<a@b>"),
          std::string("\0\xff", 2)}) {
        CAPTURE(line);
        const auto parsed = parseMtaLine(line, 2026);
        CHECK((!parsed || parsed->queueId == "warning"));
    }
}

struct Run {
    int status;
    std::string out;
    std::string err;
};

Run track(const std::vector<std::string>& words) {
    std::ostringstream out;
    std::ostringstream err;
    const int status = trackCommand.run(words, out, err);
    return {status, out.str(), err.str()};
}

TEST_CASE("a post to a list is told from its arrival to its deliveries") {
    const ScratchDirectory directory;
    const std::string log = directory.path("t.log");
    const std::string mailLog = directory.path("mail.log");
    TrackingRecord received = record();
    received.event = TrackingEvent::receive;
    received.returnPath = received.returnPathBefore;
    received.returnPathBefore.reset();
    received.rule.clear();
    TrackingRecord other = record();
    other.messageId = "<two@out.example>";
    other.queueId = "5DEF";
    writeFile(log, formatTracking(received) + "\n" + formatTracking(other) +
                       "\nno record <one@out.example>\n" + formatTracking(record()) + "\n");
    const std::string at = "2026-11-23T10:00:01Z mx postfix/";
    writeFile(mailLog,
              at +
                  "local[3]: 4ABC: to=<news@test.example>, relay=local, status=sent (forwarded as "
                  "7AA)\n" +
                  at + "qmgr[1]: 7AA: from=<owner@test.example>, size=3, nrcpt=1 (queue active)\n" +
                  at +
                  "smtp[2]: 7AA: to=<m@out.example>, orig_to=<news@test.example>, relay=r, "
                  "status=bounced (550 no \x1b[31m)\n" +
                  at + "smtp[2]: 5DEF: to=<x@out.example>, relay=r, status=sent (ok)\n");
    const Run found =
        track({"--message-id", "one@out.example", "--log", log, "--mail-log", mailLog});
    CAPTURE(found.out);
    CHECK(found.status == 0);
    std::size_t last = 0;
    for (const char* const part :
         {"<one@out.example> queue 4ABC on mx1, from 192.0.2.7", " RECEIVE ",
          "return path <ted@OUT.example>", " TRANSFER ",
          "return path <ted@OUT.example> -> <news-bounces@test.example>",
          " EXPAND    news@test.example -> m@out.example", " SEND ",
          "return path <owner@test.example>; recipients m@out.example; relay r; status bounced "
          "(550 no \\x1B[31m)"}) {
        const std::size_t place = found.out.find(part, last);
        CAPTURE(part);
        CHECK(place != std::string::npos);
        last = place == std::string::npos ? last : place;
    }
    CHECK(found.out.find("5DEF") == std::string::npos);
    CHECK(found.err.find("1 lines are no records, the first is ") != std::string::npos);

    const Run asJson =
        track({"--message-id=one@out.example", "--log=" + log, "--mail-log=" + mailLog, "--json"});
    std::istringstream lines(asJson.out);
    std::vector<std::string> events;
    for (std::string line; std::getline(lines, line);)
        events.push_back(nlohmann::json::parse(line).at("event"));
    CHECK(events == std::vector<std::string>{"RECEIVE", "TRANSFER", "EXPAND", "SEND", "SEND"});
}

TEST_CASE("searches that cannot be made, or find nothing") {
    const ScratchDirectory directory;
    const std::string log = directory.path("t.log");
    writeFile(log, formatTracking(record()) + "\n");
    const std::vector<std::pair<int, std::vector<std::string>>> cases{
        {64, {}},
        {64, {"--log", log}},
        {64, {"--sender"}},
        {64, {"--sender", ""}},
        {64, {"--sender", "no pattern"}},
        {64, {"--client", "300.0.0.1"}},
        {64, {"--event", "receive,arrive"}},
        {64, {"--since", "then", "--queue-id", "4"}},
        {64, {"--limit", "0", "--queue-id", "4"}},
        {64, {"news@test.example"}},
        {66, {"--queue-id", "4ABC", "--log", directory.path("none")}},
        {66, {"--queue-id", "4ABC", "--log", log, "--mail-log", directory.path("none")}},
        {1, {"--queue-id", "4", "--log", log}},
        {1, {"--queue-id", "4ABC", "--until", "2026-11-23T09:00:00Z", "--log", log}},
        {0, {"--event", "transfer", "--since", "2026-11-23T10:00:00Z", "--log", log}},
    };
    for (const auto& [status, words] : cases) {
        const Run run = track(words);
        CAPTURE_VALUE(words);
        CHECK(run.status == status);
        CHECK((status < 64 || run.err.find("sluicectl track: ") == 0));
    }
}

} // namespace
} // namespace sluice::ctl
