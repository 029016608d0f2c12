// SPDX-License-Identifier: BSD-2-Clause
#include "common/timestamp.hh"
#include "milter/ctl/report_charts.hh"
#include "milter/ctl/report_command.hh"
#include "milter/ctl/report_page.hh"
#include "test/support/capture_value.hh"
#include "test/support/scratch_directory.hh"
#include "test/support/time_zone.hh"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <sysexits.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

using namespace sluice;
using namespace sluice::ctl;

namespace {

struct Run {
    int status;
    std::string out;
    std::string err;
};

Run report(const std::vector<std::string>& arguments) {
    std::ostringstream out;
    std::ostringstream err;
    const int status = reportCommand.run(arguments, out, err);
    return {status, out.str(), err.str()};
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TrackingRecord hostileRecord(TrackingEvent event, const std::string& text) {
    TrackingRecord record;
    record.event = event;
    record.time = parseTimestamp("2026-11-20T10:00:00Z").value();
    record.node = record.queueId = record.messageId = record.client = record.stage = record.action =
        record.reply = record.messageClass = record.sender = record.becomes = record.subject = text;
    record.rule = "list " + text + " " + text;
    record.returnPath = text;
    record.recipients = {text, text};
    record.zones = {{text, 3, 2, 1, 0}};
    return record;
}

} // namespace

TEST_CASE("html: text from outside") {
    struct Case {
        std::string text;
        const char* html;
    };
    const Case cases[] = {
        {"", "<bdi></bdi>"},
        {"a@b.exampl", "<bdi>a@b.exampl</bdi>"},
        {"<b>&\"'", "<bdi>&lt;b&gt;&amp;&quot;&#39;</bdi>"},
        {"&lt;", "<bdi>&amp;lt;</bdi>"},
        {"\x1b[2J\n", "<bdi>\\x1B[2J\\x0A</bdi>"},
        {"a\u202eb", "<bdi>a\\xE2\\x80\\xAEb</bdi>"},
        {"\xff<", "<bdi>\\xFF&lt;</bdi>"},
        {"\uFFFE\uFFFF", "<bdi>\uFFFD\uFFFD</bdi>"}, // no characters of XML
        {"ü", "<bdi>ü</bdi>"},
        {"123456789012", "<bdi>1234567890…</bdi>"},
    };
    for (const auto& [text, html] : cases) {
        CAPTURE_VALUE(text);
        CHECK(shown(text, 10).text == html);
    }
}

TEST_CASE("html: numbers") {
    CHECK(grouped(0) == "0");
    CHECK(grouped(999) == "999");
    CHECK(grouped(1000) == "1,000");
    CHECK(grouped(1234567) == "1,234,567");
    CHECK(counted(1, "line", "lines") == "1 line");
    CHECK(counted(0, "line", "lines") == "0 lines");
    CHECK(percent(0, 0) == "–");
    CHECK(percent(0, 5) == "0%");
    CHECK(percent(1, 300) == "0.3%");
    CHECK(percent(1, 2) == "50%");
}

TEST_CASE("chart: lines across") {
    struct Case {
        double largest;
        double step;
        double top;
    };
    for (const auto& [largest, step, top] :
         {Case{0, 1, 4}, Case{4, 1, 4}, Case{5, 2, 6}, Case{30, 10, 30}, Case{39, 10, 40},
          Case{41, 20, 60}, Case{5348, 2000, 6000}, Case{1e9, 5e8, 1e9}}) {
        CAPTURE_VALUE(largest);
        const Scale scale = scaleFor(largest);
        CHECK(scale.step == step);
        CHECK(scale.top == top);
    }
}

TEST_CASE("report: bad words") {
    struct Case {
        std::vector<std::string> arguments;
        const char* complaint;
    };
    const Case cases[] = {
        {{"--xml"}, "\"--xml\" is no option"},
        {{"-x"}, "\"-x\" is no option"},
        {{"--log"}, "--log needs a value"},
        {{"--day", "2026-02-30"}, "--day: \"2026-02-30\" is no day of the calendar"},
        {{"--day", "monday\n"}, "--day: \"monday\\x0A\" is no date"},
        {{"--from", "2026-11-20", "--until", "2026-11-19"}, "--until is a day before --from"},
        {{"--from", "2026-01-01", "--until", "2026-02-01"}, "32 days are too many"},
        {{"--from", "2200-01-01"}, "--until is a day before --from"},
        {{"--from", "2999-01-01"}, "--from: \"2999-01-01\" is not in the years from 1970 to 2243"},
        {{"--days-before", "63"}, "--days-before: \"63\" is no number of days from 0 to 62"},
        {{"--days-before", "-1"}, "--days-before: \"-1\" is no number"},
    };
    for (const auto& [arguments, complaint] : cases) {
        CAPTURE_VALUE(complaint);
        const Run run = report(arguments);
        CHECK(run.status == EX_USAGE);
        CHECK(has(run.err, complaint));
    }
}

TEST_CASE("report: logs that are not there, and results that cannot be written") {
    test::ScratchDirectory scratch;
    const std::string log = scratch.path("log");
    Run run = report({"--log", log, "--day", "2026-11-20"});
    CHECK(run.status == EX_NOINPUT);
    CHECK(has(run.err, "log\": there is no such file"));
    CHECK(has(run.out, "there is no such file")); // the page tells it too
    test::writeFile(log, "rubbish <b>\n");
    run = report({"--log", log, "--day", "2026-11-20"});
    CHECK(run.status == EX_OK);
    CHECK(has(run.err, "1 line could not be read; the first is " + log + ":1: "));
    CHECK(has(run.out, "1 line could not be read"));
    CHECK(report({log, "--output", scratch.path("none/page")}).status == EX_CANTCREAT);
    CHECK(has(report({log, "--output", scratch.path()}).err, "it is no regular file"));
    CHECK(test::namesIn(scratch.path()) == std::set<std::string>{"log"});
}

TEST_CASE("report: an empty log, and one of a line") {
    const test::TimeZone zone("UTC");
    test::ScratchDirectory scratch;
    const std::string log = scratch.path("log");
    test::writeFile(log, "");
    Run run = report({"--log", log, "--day", "2026-11-20"});
    CHECK(run.status == EX_OK);
    CHECK(run.err.empty());
    CHECK(has(run.out, "No quarter of an hour stands out."));
    CHECK(has(run.out, "0 lines"));
    TrackingRecord record;
    record.time = parseTimestamp("2026-11-20T23:59:59.999Z").value();
    test::writeFile(log, formatTracking(record));
    run = report({"--json", "--log", log, "--day", "2026-11-20"});
    const auto json = nlohmann::json::parse(run.out);
    CHECK(json.at("lines") == 1);
    CHECK(json.at("totals").at("accepted") == 1);
    REQUIRE(json.at("days").size() == 1);
    REQUIRE(json.at("days")[0].at("quarters").size() == 96);
    CHECK(json.at("days")[0].at("quarters")[95].at("accepted") == 1);
    CHECK(json.at("days")[0].at("quarters")[95].at("usual").is_null());
    CHECK(json.at("storms").empty());
    for (const char* today : {"today", "yesterday"})
        CHECK(report({"--log", log, "--day", today}).status == EX_OK);
}

TEST_CASE("report: the file of a page keeps its mode") {
    test::ScratchDirectory scratch;
    test::writeFile(scratch.path("log"), "");
    const std::string page = scratch.path("page");
    const auto mode = [&] {
        struct stat status {};
        REQUIRE(::stat(page.c_str(), &status) == 0);
        return status.st_mode & 0777U;
    };
    const std::vector<std::string> words{"--log", scratch.path("log"), "--output", page};
    CHECK(report(words).status == EX_OK);
    CHECK(mode() == 0600);
    REQUIRE(::chmod(page.c_str(), 0644) == 0);
    test::writeFile(page, "before");
    CHECK(report(words).status == EX_OK);
    CHECK(mode() == 0644);
    CHECK(has(test::readFile(page), "<!DOCTYPE html>"));
    CHECK(test::namesIn(scratch.path()) == std::set<std::string>{"log", "page"});
}

TEST_CASE("report: whatever mail says, the page has no markup of it") {
    const test::TimeZone zone("UTC");
    ReportRequest request;
    request.first = request.last = parseCivilDay("2026-11-20").value();
    request.title = "<u>title";
    request.logs = {"<u>log"};
    const std::string hostile = "<u>\"><u attr='\x1b\u202e--></style></svg>]]>&amp;\xff";
    Report made(request);
    for (int event = 0; event <= static_cast<int>(TrackingEvent::counts); ++event)
        for (int i = 0; i < 200; ++i)
            made.add(hostileRecord(static_cast<TrackingEvent>(event), hostile));
    TrackingTally tally;
    tally.unreadable = 1;
    tally.firstUnreadable = "<u>file:1";
    tally.problems = {"<u>problem"};
    const std::string page = reportPage(made, tally).text;
    CHECK_FALSE(has(page, "<u>"));
    CHECK_FALSE(has(page, "<u "));
    CHECK_FALSE(has(page, "attr='"));
    CHECK_FALSE(has(page, "\x1b"));
    CHECK_FALSE(has(page, "\u202e"));
    CHECK_FALSE(has(page, "]]>"));
    CHECK_FALSE(has(page, "\xff"));
    for (const char* part : {"&lt;u&gt;title", "&lt;u&gt;log", "&lt;u&gt;file:1",
                             "&lt;u&gt;problem", "&lt;u&gt;&quot;&gt;&lt;u attr=&#39;\\x1B"})
        CHECK(has(page, part));
}

TEST_CASE("report: keys that mail chooses do not make a page large") {
    const test::TimeZone zone("UTC");
    ReportRequest request;
    request.first = request.last = parseCivilDay("2026-11-20").value();
    Report made(request);
    for (int i = 0; i < 20'000; ++i) {
        const std::string text = std::string(300, '<') + std::to_string(i);
        for (const auto event : {TrackingEvent::loop, TrackingEvent::duplicate,
                                 TrackingEvent::refuse, TrackingEvent::bounce})
            made.add(hostileRecord(event, text));
    }
    const std::string page = reportPage(made, {}).text;
    CHECK(page.size() < 1'000'000);
    CHECK(has(page, "the numbers are lower bounds"));
    CHECK(made.totals().loops.size() <= ReportTotals::mostKeys);
}
