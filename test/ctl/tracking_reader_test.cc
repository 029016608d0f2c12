// SPDX-License-Identifier: BSD-2-Clause
#include "common/timestamp.hh"
#include "milter/ctl/tracking_reader.hh"
#include "test/support/scratch_directory.hh"

#include <doctest/doctest.h>
#include <zlib.h>

#include <string>
#include <vector>

using namespace sluice;
using namespace sluice::ctl;

namespace {

std::string lineAt(const std::string& time, const std::string& queueId) {
    TrackingRecord record;
    record.time = parseTimestamp(time).value();
    record.queueId = queueId;
    return formatTracking(record) + "\n";
}

void writeCompressed(const std::string& path, const std::string& text) {
    gzFile file = gzopen(path.c_str(), "wb");
    REQUIRE(file != nullptr);
    REQUIRE(gzwrite(file, text.data(), static_cast<unsigned>(text.size())) ==
            static_cast<int>(text.size()));
    REQUIRE(gzclose(file) == Z_OK);
}

TimeRange between(const char* from, const char* until) {
    return {parseTimestamp(from).value(), parseTimestamp(until).value()};
}

const TimeRange noonOfFifth = between("2026-11-05T11:00:00Z", "2026-11-05T13:00:00Z");

struct Read {
    std::string queueIds; ///< of the records that were taken, in their order
    std::uint64_t octets = 0;
    TrackingTally tally;
};

Read readAll(const std::vector<LogFile>& files, const TimeRange& range = {},
             const std::function<bool(std::string_view)>& look = {}) {
    Read read;
    TrackingReader reader(
        range, {look, [&](const TrackingRecord& record) { read.queueIds += record.queueId; },
                [&](std::uint64_t octets) { read.octets += octets; }});
    for (const LogFile& file : files)
        reader.read(file);
    read.tally = reader.tally();
    return read;
}

} // namespace

TEST_CASE("tracking log: no such log, and files that cannot be read") {
    test::ScratchDirectory scratch;
    CHECK(logFilesOf(scratch.path("none\n"), {}).error().message.find("none\\x0A\": there is no") !=
          std::string::npos);
    CHECK_FALSE(logFilesOf(scratch.path("none/log"), {}).has_value());
    const Read gone = readAll({{scratch.path("gone"), 0}, {scratch.path(), 0}});
    REQUIRE(gone.tally.problems.size() == 2);
    CHECK(gone.tally.problems[0].find("gone\": No such file") != std::string::npos);
    CHECK(gone.tally.problems[1].find("Is a directory") != std::string::npos);

    std::string lines;
    for (int i = 0; i < 100'000; ++i)
        lines += lineAt("2026-11-05T12:00:00Z", std::to_string(i * 7919));
    writeCompressed(scratch.path("cut.gz"), lines);
    const std::string octets = test::readFile(scratch.path("cut.gz"));
    test::writeFile(scratch.path("cut.gz"), octets.substr(0, octets.size() / 2));
    const Read cut = readAll({{scratch.path("cut.gz"), 0}});
    CHECK(cut.queueIds.size() > 1000);
    REQUIRE(cut.tally.problems.size() == 1);
    CHECK(cut.tally.problems[0].find("end too early") != std::string::npos);
}

TEST_CASE("tracking log: which files a range needs") {
    test::ScratchDirectory scratch;
    for (const char* name :
         {"log", "log.2026-11-03", "log.2026-11-04.gz", "log.2026-11-04", "log.2026-11-05",
          "log.2026-11-05.1", "log.2026-11-05.2.gz", "log.2026-11-06.gz", "log.2026-11-07",
          "log.2026-11-05.bak", "log.2026-11-05.xz", "log.2026-13-05", "log.old", "blog.2026-11-05",
          "log.2026-11-051", "log."})
        test::writeFile(scratch.path(name), "x");
    const auto files = logFilesOf(scratch.path("log"), noonOfFifth);
    REQUIRE(files.has_value());
    std::string names;
    for (const LogFile& file : *files) {
        names += file.path.substr(scratch.path().size() + 1) + ' ';
        CHECK(file.octets == 1);
    }
    CHECK(names == "log.2026-11-04 log.2026-11-05 log.2026-11-05.1 log.2026-11-05.2.gz "
                   "log.2026-11-06.gz log ");
    CHECK(logFilesOf(scratch.path("log"), {}).value().size() == 8);
}

TEST_CASE("tracking log: lines of the range, and those that cannot be read") {
    test::ScratchDirectory scratch;
    const std::string before = lineAt("2026-11-05T10:59:59.999Z", "a");
    const std::string begin = lineAt("2026-11-05T11:00:00Z", "b");
    const std::string last = lineAt("2026-11-05T12:59:59.999Z", "c");
    const std::string behind = lineAt("2026-11-05T13:00:00Z", "d");
    const std::string turned = R"({"event":"RECEIVE","queue_id":"e","time":"2026-11-05T14:00:00Z"})"
                               "\n"
                               R"({"event":"RECEIVE","queue_id":"f","time":"2026-11-05T12:00:00Z"})"
                               "\n";
    const std::string tooLong = "{\"time\":\"" + std::string(3 * maxTrackingLine, 'x') + "\"}\n";
    const std::string text =
        before + begin + "\n" + tooLong + "{\x1b[2J}\n" + last + behind + turned + "{\"time\":\"20";
    test::writeFile(scratch.path("plain"), text);
    writeCompressed(scratch.path("packed"), text);
    for (const char* name : {"plain", "packed"}) {
        CAPTURE(name);
        const Read read = readAll({{scratch.path(name), text.size()}}, noonOfFifth);
        CHECK(read.queueIds == "bcf");
        CHECK(read.tally.lines == 10);
        CHECK(read.tally.unreadable == 3);
        CHECK(read.tally.firstUnreadable == scratch.path(name) + ":3: it is no JSON object of a "
                                                                 "tracking log");
        CHECK(read.tally.problems.empty());
        CHECK(read.octets == test::readFile(scratch.path(name)).size());
    }
    CHECK(readAll({{scratch.path("plain"), 0}}).queueIds == "abcdef");
}

TEST_CASE("tracking log: a line is looked at before it is parsed") {
    test::ScratchDirectory scratch;
    test::writeFile(scratch.path("log"), lineAt("2026-11-05T12:00:00Z", "a") +
                                             lineAt("2026-11-05T12:00:01Z", "b") + "rubbish");
    const Read read = readAll({{scratch.path("log"), 0}}, noonOfFifth, [](std::string_view line) {
        return line.find("\"queue_id\":\"b\"") != line.npos;
    });
    CHECK(read.queueIds == "b");
    CHECK(read.tally.unreadable == 0);
}

TEST_CASE("tracking log: lines around the longest") {
    test::ScratchDirectory scratch;
    for (const std::size_t size : {maxTrackingLine - 1, maxTrackingLine, maxTrackingLine + 1}) {
        CAPTURE(size);
        std::string line = lineAt("2026-11-05T12:00:00Z", "a");
        line.pop_back();
        line.append(size - line.size(), ' ');
        test::writeFile(scratch.path("log"), line + "\n" + lineAt("2026-11-05T12:00:00Z", "b"));
        CHECK(readAll({{scratch.path("log"), 0}}).queueIds ==
              (size <= maxTrackingLine ? "ab" : "b"));
    }
}

TEST_CASE("tracking log: the time at the front of a line") {
    CHECK(timeAtFront(lineAt("2026-11-05T12:00:00.25Z", "a")) ==
          parseTimestamp("2026-11-05T12:00:00.25Z").value());
    for (const char* line :
         {"", "{", "{\"time\":\"", "{\"time\":\"2026-11-05T12:00:00Z", "{\"time\":\"x\"}",
          " {\"time\":\"2026-11-05T12:00:00Z\"}", "{\"times\":\"2026-11-05T12:00:00Z\"}"}) {
        CAPTURE(line);
        CHECK_FALSE(timeAtFront(line).has_value());
    }
}
