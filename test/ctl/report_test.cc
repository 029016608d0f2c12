// SPDX-License-Identifier: BSD-2-Clause
#include "common/timestamp.hh"
#include "milter/ctl/report.hh"
#include "test/support/capture_value.hh"
#include "test/support/time_zone.hh"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice;
using namespace sluice::ctl;

namespace {

using Time = std::chrono::system_clock::time_point;

CivilDay day(const char* text) {
    return parseCivilDay(text).value();
}

Time at(const std::string& text) {
    return parseTimestamp(text).value();
}

TrackingRecord record(TrackingEvent event, Time time) {
    TrackingRecord made;
    made.event = event;
    made.time = time;
    made.node = "mx1";
    return made;
}

ReportRequest requestFor(const char* first, const char* last, unsigned daysBefore) {
    ReportRequest request;
    request.first = day(first);
    request.last = day(last);
    request.daysBefore = daysBefore;
    return request;
}

void receive(Report& report, Time time, int times, const std::string& from = "a@x.example",
             const std::string& to = "b@y.example") {
    TrackingRecord each = record(TrackingEvent::receive, time);
    each.returnPath = from;
    each.recipients = {to};
    for (int i = 0; i < times; ++i)
        report.add(each);
}

OutcomeCounts sumOfReported(const Report& report) {
    OutcomeCounts sum{};
    const ReportTraffic& traffic = report.traffic();
    for (std::size_t each = traffic.firstDay(); each < traffic.days(); ++each)
        for (std::size_t quarter = 0; quarter < traffic.calendar(each).quarters(); ++quarter)
            sum += traffic.at(each, quarter);
    return sum;
}

} // namespace

TEST_CASE("report: days have the quarters that the clock shows") {
    struct Case {
        const char* zone;
        const char* day;
        std::size_t quarters;
        std::size_t quarter; ///< the first that differs from an ordinary day, and its label
        const char* label;
    };
    const Case cases[] = {
        {"UTC", "2026-11-20", 96, 40, "10:00"},
        {"Europe/Berlin", "2025-03-30", 92, 8, "03:00"},
        {"Europe/Berlin", "2025-10-26", 100, 12, "02:00"},
        {"America/Sao_Paulo", "2018-11-04", 92, 0, "01:00"}, // no midnight
        {"America/Sao_Paulo", "2018-02-17", 100, 96, "23:00"},
        {"America/Havana", "2025-11-02", 100, 4, "00:00"}, // two of them
        {"Australia/Lord_Howe", "2025-04-06", 98, 8, "01:30"},
        {"Pacific/Apia", "2011-12-30", 0, 0, "24:00"}, // there was no such day
    };
    for (const auto& [zone, name, quarters, quarter, label] : cases) {
        CAPTURE_VALUE(zone);
        CAPTURE_VALUE(name);
        const test::TimeZone changed(zone);
        const ReportDay each(day(name));
        CHECK(each.quarters() == quarters);
        CHECK(each.label(quarter) == label);
        CHECK(each.label(quarters) == "24:00");
        CHECK(each.range().until == beginOf(day(name) + 1));
        CHECK_FALSE(each.quarterOf(each.range().until).has_value());
        CHECK_FALSE(each.quarterOf(each.range().from - std::chrono::milliseconds(1)).has_value());
        if (quarters > 0) {
            CHECK(each.quarterOf(each.range().from) == 0U);
            CHECK(each.quarterOf(each.range().until - std::chrono::milliseconds(1)) ==
                  quarters - 1);
        }
    }
}

TEST_CASE("report: usual is the median of the same time on the clock") {
    const test::TimeZone zone("Europe/Berlin");
    Report report(requestFor("2026-10-26", "2026-10-26", 4));
    receive(report, at("2026-10-22T10:20:00+02:00"), 10);
    receive(report, at("2026-10-23T10:20:00+02:00"), 90);
    // 2026-10-24 has no line: it says nothing of what is usual
    receive(report, at("2026-10-25T10:20:00+01:00"), 20);
    receive(report, at("2026-10-25T02:20:00+02:00"), 30); // the clock shows 02:20 twice
    receive(report, at("2026-10-25T02:20:00+01:00"), 50);
    receive(report, at("2026-10-23T02:20:00+02:00"), 70);
    const ReportTraffic& traffic = report.traffic();
    CHECK(traffic.daysBefore(4) == 3);
    const auto usual = traffic.usual(4);
    REQUIRE(usual.size() == 96);
    CHECK(usual[41] == 20);
    CHECK(usual[9] == 40); // of 0, 70 and (30 + 50) / 2
    CHECK(usual[42] == 0);
    CHECK(traffic.usual(0).empty());
    CHECK(sumOf(sumOfReported(report)) == 0);
}

TEST_CASE("report: a day without an hour has nothing to say of it") {
    const test::TimeZone zone("Europe/Berlin");
    Report report(requestFor("2026-03-30", "2026-03-30", 2));
    receive(report, at("2026-03-28T02:20:00+01:00"), 8);
    receive(report, at("2026-03-29T12:00:00+02:00"), 8);
    CHECK(report.traffic().usual(2)[9] == 8);
}

TEST_CASE("report: storms") {
    struct Case {
        const char* what;
        int usual;       ///< in each quarter from 10:00 to 12:00 on the days before
        int quarters[6]; ///< from 10:15 on
        int storms;
        std::size_t first;
        std::size_t end;
        std::uint64_t messages;
    };
    const Case cases[] = {
        {"an ordinary day", 100, {100, 120, 90, 100, 299, 100}, 0, 0, 0, 0},
        {"a storm", 100, {100, 900, 1000, 100, 100, 100}, 1, 42, 44, 1900},
        {"one with a lull", 100, {100, 900, 150, 1000, 100, 100}, 1, 42, 45, 2050},
        {"too few to matter", 10, {10, 99, 10, 10, 10, 10}, 0, 0, 0, 0},
        {"out of nothing", 0, {0, 0, 150, 0, 0, 0}, 1, 43, 44, 150},
    };
    const test::TimeZone zone("UTC");
    for (const auto& [what, usual, quarters, storms, first, end, messages] : cases) {
        CAPTURE_VALUE(what);
        Report report(requestFor("2026-11-20", "2026-11-20", 2));
        for (const char* before : {"2026-11-18", "2026-11-19"})
            for (int quarter = 0; quarter < 8; ++quarter)
                receive(report, beginOf(day(before)) + (40 + quarter) * quarterHour,
                        std::max(usual, 1) - (usual == 0 && quarter != 0 ? 1 : 0));
        for (int quarter = 0; quarter < 6; ++quarter)
            receive(report, beginOf(day("2026-11-20")) + (41 + quarter) * quarterHour,
                    quarters[quarter]);
        const auto found = report.traffic().storms();
        REQUIRE(found.size() == static_cast<std::size_t>(storms));
        if (storms == 0)
            continue;
        CHECK(found[0].first == first);
        CHECK(found[0].end == end);
        CHECK(sumOf(found[0].counts) == messages);
        CHECK(found[0].usual == usual * static_cast<double>(end - first));
        CHECK_FALSE(found[0].bySameDay);
    }
}

TEST_CASE("report: a storm tells between whom it is, in either direction") {
    const test::TimeZone zone("UTC");
    Report report(requestFor("2026-11-20", "2026-11-20", 0));
    const Time begin = beginOf(day("2026-11-20"));
    for (int quarter = 0; quarter < 20; ++quarter)
        receive(report, begin + quarter * quarterHour, 10, std::to_string(quarter) + "@x.example");
    for (int i = 0; i < 500; ++i) { // among so many others that not all pairs can be kept
        receive(report, begin + 10 * quarterHour, 1, "a@x.example", "b@y.example");
        receive(report, begin + 11 * quarterHour, 1, "b@y.example", "a@x.example");
        receive(report, begin + 11 * quarterHour, 1, std::to_string(i) + "@x.example");
    }
    const auto storms = report.traffic().storms();
    REQUIRE(storms.size() == 1);
    CHECK(storms[0].bySameDay);
    CHECK(storms[0].one == "a@x.example");
    CHECK(storms[0].other == "b@y.example");
    CHECK(storms[0].between == 1000);
}

TEST_CASE("report: what a message is counted as") {
    using enum TrackingEvent;
    struct Case {
        const char* what;
        std::vector<TrackingEvent> events; ///< of one message
        const char* action;
        OutcomeCounts counted;
    };
    const Case cases[] = {
        {"taken", {receive}, "", {1, 0, 0, 0}},
        {"taken and held", {receive, hold}, "hold", {0, 0, 1, 0}},
        {"the other way around", {hold, receive}, "hold", {0, 0, 1, 0}},
        {"dropped as a loop", {receive, loop, discard}, "discard", {0, 0, 0, 1}},
        {"refused as a loop", {loop, refuse}, "reject", {0, 0, 0, 1}},
        {"marked", {receive, loop}, "mark", {1, 0, 0, 0}},
        {"given a null return path", {receive, loop}, "return-path", {1, 0, 0, 0}},
        {"told to the operator", {duplicate, receive}, "alert", {1, 0, 0, 0}},
        {"a copy", {duplicate}, "discard", {0, 0, 0, 1}},
        {"a list post", {transfer, redirect, receive}, "", {1, 0, 0, 0}},
        {"badmail", {badmail, receive}, "", {0, 0, 1, 0}},
        {"counts", {counts, bounce, mark}, "", {0, 0, 0, 0}},
    };
    const test::TimeZone zone("UTC");
    for (const auto& [what, events, action, counted] : cases) {
        CAPTURE_VALUE(what);
        Report report(requestFor("2026-11-20", "2026-11-20", 0));
        for (const TrackingEvent event : events) {
            TrackingRecord each = record(event, at("2026-11-20T10:00:00Z"));
            each.queueId = "4ABC";
            each.stage = "message";
            each.action = action;
            report.add(each);
        }
        CHECK(sumOfReported(report) == counted);
    }
    Report report(requestFor("2026-11-20", "2026-11-20", 0));
    TrackingRecord each = record(refuse, at("2026-11-20T10:00:00Z"));
    each.queueId = "4ABC";
    each.stage = "rcpt";
    report.add(each);
    report.add(each); // each recipient on its own
    each.observed = true;
    report.add(each);
    each.observed = false;
    each.event = receive;
    report.add(each);
    report.add(record(receive, at("2026-11-19T23:59:59.999Z")));
    report.add(record(receive, at("2026-11-21T00:00:00Z")));
    CHECK(sumOfReported(report) == OutcomeCounts{1, 2, 0, 0});
    CHECK(report.totals().observed() == 1);
}

TEST_CASE("report: a queue id that comes again some time later is of another message") {
    const test::TimeZone zone("UTC");
    Report report(requestFor("2026-11-20", "2026-11-20", 0));
    for (const char* const time :
         {"2026-11-20T10:00:00Z", "2026-11-20T10:59:59Z", "2026-11-20T11:00:01Z"}) {
        TrackingRecord each = record(TrackingEvent::receive, at(time));
        each.queueId = "4ABC";
        report.add(each);
    }
    CHECK(sumOfReported(report) == OutcomeCounts{2, 0, 0, 0});
}

TEST_CASE("report: tables") {
    const test::TimeZone zone("UTC");
    Report report(requestFor("2026-11-20", "2026-11-20", 1));
    const auto add = [&](TrackingEvent event, const std::string& rule, const auto& set) {
        for (int i = 0; i < 5; ++i) {
            TrackingRecord each =
                record(event, at("2026-11-20T10:00:00Z") + i * std::chrono::seconds(300));
            each.rule = rule;
            each.returnPath = "a@x.example";
            each.recipients = {"b@y.example", "c@y.example"};
            set(each);
            report.add(each);
            each.time -= std::chrono::hours(24); // the day before has no part in it
            report.add(each);
        }
    };
    add(TrackingEvent::loop, "loop: message 4 of a chain", [](TrackingRecord& each) {
        each.returnPathBefore = "";
        each.action = "hold";
    });
    add(TrackingEvent::duplicate, "duplicates: 2 equal copies", [](TrackingRecord& each) {
        each.messageId = "<1@x>";
        each.client = "192.0.2.1";
    });
    add(TrackingEvent::refuse, "dnsbl zen", [](TrackingRecord& each) { each.client = "::1"; });
    add(TrackingEvent::refuse, "list l@y.example", [](TrackingRecord&) {});
    add(TrackingEvent::refuse, "list l@y.example null sender", [](TrackingRecord&) {});
    add(TrackingEvent::redirect, "list l@y.example auto-reply", [](TrackingRecord& each) {
        each.messageClass = "auto-reply";
        each.action = "remove";
    });
    add(TrackingEvent::redirect, "report-copy", [](TrackingRecord&) {});
    add(TrackingEvent::bounce, "list l@y.example", [](TrackingRecord&) {});
    add(TrackingEvent::counts, "", [](TrackingRecord& each) {
        each.zones = {{"zen.example", 10, 1, 2, 3}};
    });
    const ReportTotals& totals = report.totals();
    const auto loops = totals.loops.top(9);
    REQUIRE(loops.size() == 1);
    CHECK(loops[0].second.count == 5);
    CHECK(loops[0].second.value.from.empty());
    CHECK(loops[0].second.value.to == "b@y.example");
    CHECK(loops[0].second.value.others);
    CHECK(loops[0].second.value.reason == "message 4 of a chain");
    CHECK(loops[0].second.value.actions.at("hold") == 5);
    CHECK(loops[0].second.value.span.first == at("2026-11-20T10:00:00Z"));
    CHECK(loops[0].second.value.span.last == at("2026-11-20T10:20:00Z"));
    const auto copies = totals.copies.top(9);
    REQUIRE(copies.size() == 1);
    CHECK(copies[0].second.value.client == "192.0.2.1");
    CHECK(copies[0].second.value.interval() == std::chrono::seconds(300));
    std::string expansions;
    for (const auto& [key, entry] : totals.expansions.top(9))
        expansions += entry.value.address + ' ' + entry.value.why + ' ' + entry.value.action + '\n';
    CHECK(expansions == "l@y.example auto-reply remove\nl@y.example null sender REFUSE\n"
                        "l@y.example sender may not post REFUSE\n");
    CHECK(totals.members.top(9).size() == 2);
    CHECK(totals.members.top(9)[0].second.value.list == "l@y.example");
    CHECK(totals.zones.top(9)[0].second.value == ZoneCounts{"zen.example", 50, 5, 10, 15});
    CHECK(totals.clients.top(9)[0].second.value.name == "::1");
    CHECK(totals.senders.top(9)[0].second.count == 15);
    std::string rules;
    for (const auto& [key, entry] : totals.rules.top(9))
        rules += entry.value.rule + ',';
    CHECK(rules == "dnsbl zen,duplicates,list l@y.example,list l@y.example auto-reply,list "
                   "l@y.example null sender,loop,report-copy,");
}

TEST_CASE("report: the recipients of a loop are those of its message") {
    const test::TimeZone zone("UTC");
    Report report(requestFor("2026-11-20", "2026-11-20", 0));
    TrackingRecord each = record(TrackingEvent::receive, at("2026-11-20T10:00:00Z"));
    each.queueId = "4ABC";
    each.returnPath = "a@x.example";
    each.recipients = {"b@y.example", "c@y.example", "d@y.example"};
    report.add(each);
    each.event = TrackingEvent::loop;
    each.action = "hold";
    each.recipients.clear();
    report.add(each);
    each.queueId = "4DEF"; // nothing else is known of this one
    report.add(each);
    const auto loops = report.totals().loops.top(9);
    REQUIRE(loops.size() == 2);
    CHECK(loops[0].second.value.to.empty());
    CHECK(loops[1].second.value.to == "b@y.example");
    CHECK(loops[1].second.value.others);
}

TEST_CASE("report: intervals of copies") {
    struct Case {
        std::vector<int> seconds;
        std::optional<int> interval;
    };
    const Case cases[] = {
        {{}, std::nullopt},
        {{0, 300, 600}, std::nullopt}, // too few
        {{0, 300, 601, 899}, 300},
        {{600, 0, 900, 300}, 300}, // read node by node
        {{0, 300, 600, 900, 5000}, 300},
        {{0, 10, 500, 520, 2000}, std::nullopt},
        {{0, 0, 0, 0, 0}, std::nullopt},
    };
    for (const auto& [seconds, interval] : cases) {
        Copies copies;
        for (const int each : seconds)
            copies.times.push_back(Time{} + std::chrono::seconds(each));
        CAPTURE_VALUE(seconds.size());
        CHECK(copies.interval().has_value() == interval.has_value());
        if (interval)
            CHECK(copies.interval()->count() == *interval);
    }
}

TEST_CASE("report: tables are bounded, and what is frequent stays") {
    TopTable<int> table(100);
    for (int i = 0; i < 100'000; ++i) {
        table.count(std::to_string(i));
        if (i % 20 == 0)
            table.count("frequent");
    }
    CHECK(table.size() <= 100);
    CHECK(table.top(1)[0].first == "frequent");
    CHECK(table.top(1)[0].second.count > 4900);
    CHECK(table.forgotten() > 99'000);
    table.count(std::string(1'000'000, 'x'));
    for (const auto& [key, entry] : table.top(1000))
        CHECK(key.size() <= 1024);
    TopTable<int> small(100);
    for (const char* key : {"b", "a", "b", "c"})
        small.count(key);
    CHECK(small.top(2).size() == 2);
    CHECK(small.top(2)[0].first == "b");
    CHECK(small.top(2)[1].first == "a");
    CHECK(small.forgotten() == 0);
}
