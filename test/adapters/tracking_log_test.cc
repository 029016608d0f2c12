// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/tracking_file.hh"
#include "milter/adapters/tracking_log.hh"
#include "test/support/scratch_directory.hh"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::namesIn;
using test::readFile;
using test::ScratchDirectory;
using test::writeFile;

namespace fs = std::filesystem;

CivilDay today() {
    return localDay(std::chrono::system_clock::now());
}

CivilDay before(int days) {
    return static_cast<CivilDay>(static_cast<int>(today()) - days);
}

std::shared_ptr<TrackingLog> openLog(const std::string& path, unsigned days = 7) {
    auto log = TrackingLog::open({path, days, false});
    REQUIRE_MESSAGE(log.has_value(), log.error().message);
    return *log;
}

TrackingRecord record(std::string rule) {
    TrackingRecord record;
    record.event = TrackingEvent::refuse;
    record.rule = std::move(rule);
    return record;
}

std::vector<std::string> rulesIn(const std::string& path) {
    std::vector<std::string> rules;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        const auto read = parseTracking(line);
        REQUIRE_MESSAGE(read.has_value(), line);
        CHECK_FALSE(read->node.empty());
        CHECK(localDay(read->time) == today());
        rules.push_back(read->rule);
    }
    return rules;
}

TEST_CASE("files that cannot be a tracking log") {
    const ScratchDirectory directory;
    CHECK_FALSE(TrackingLog::open({directory.path(), 7, false}).has_value());
    CHECK_FALSE(TrackingLog::open({directory.path("no/file"), 7, false}).has_value());
    CHECK_FALSE(TrackingLog::open({"/dev/null", 7, false}).has_value());
}

TEST_CASE("records are written in their order, behind those of the run before") {
    const ScratchDirectory directory;
    const std::string path = directory.path("tracking.log");
    for (const char* const run : {"a", "b"}) {
        const auto log = openLog(path);
        for (int i = 0; i < 3; ++i)
            log->write(record(run + std::to_string(i)));
        log->finish();
        CHECK(log->written() == 3);
        CHECK(log->dropped() == 0);
    }
    CHECK(rulesIn(path) == std::vector<std::string>{"a0", "a1", "a2", "b0", "b1", "b2"});
    CHECK((fs::status(path).permissions() & fs::perms::others_all) == fs::perms::none);
}

/// All that is looked at is how it begins.
std::string lineOf(const std::string& what) {
    return R"({"time":")" + what + "\"}\n";
}

TEST_CASE("a file of an earlier day is moved away") {
    const ScratchDirectory directory;
    const std::string path = directory.path("tracking.log");
    const std::string old = "tracking.log." + formatCivilDay(before(2));
    writeFile(path, lineOf("old"));
    fs::last_write_time(path, fs::file_time_type::clock::now() - 48h);
    openLog(path)->write(record("new"));
    CHECK(readFile(directory.path(old)) == lineOf("old"));
    CHECK(rulesIn(path) == std::vector<std::string>{"new"});

    writeFile(path, lineOf("older"));
    fs::last_write_time(path, fs::file_time_type::clock::now() - 48h);
    openLog(path)->write(record("newer"));
    CHECK(readFile(directory.path(old)) == lineOf("old"));
    CHECK(readFile(directory.path(old + ".1")) == lineOf("older"));
}

TEST_CASE("the file turns with the day, unless somebody else has moved it") {
    const ScratchDirectory directory;
    const std::string path = directory.path("t");
    std::string trouble;
    TrackingFile file(path);
    REQUIRE(file.open(before(1)).has_value());
    CHECK(file.append("one\n", trouble) == 1);
    REQUIRE(file.turnTo(before(1)).has_value());
    REQUIRE(file.turnTo(today()).has_value());
    CHECK(file.append("two\nthree\n", trouble) == 2);
    CHECK(readFile(directory.path("t." + formatCivilDay(before(1)))) == "one\n");
    CHECK(readFile(path) == "two\nthree\n");

    fs::rename(path, directory.path("mine"));
    writeFile(path, lineOf("another"));
    REQUIRE(file.turnTo(before(-1)).has_value());
    CHECK(file.append("four\n", trouble) == 1);
    CHECK(readFile(directory.path("mine")) == "two\nthree\n");
    CHECK(readFile(path) == "four\n");
    CHECK(readFile(directory.path("t." + formatCivilDay(today()))) == lineOf("another"));
    CHECK(trouble.empty());
}

TEST_CASE("a file that was moved away is made anew when it is told so") {
    const ScratchDirectory directory;
    const std::string path = directory.path("t");
    const auto log = openLog(path);
    log->write(record("one"));
    while (log->written() < 1)
        std::this_thread::yield();
    fs::rename(path, directory.path("moved"));
    log->reopen();
    while (!fs::exists(path))
        log->write(record("two"));
    log->finish();
    CHECK(rulesIn(directory.path("moved")).front() == "one");
    for (const std::string& rule : rulesIn(path))
        CHECK(rule == "two");
}

TEST_CASE("files of days over the limit are removed, and no others") {
    const ScratchDirectory directory;
    const auto dated = [](int days) { return "t." + formatCivilDay(before(days)); };
    const std::vector<std::string> kept{dated(7),          dated(1) + ".gz", "t.2001",       "t",
                                        "u." + dated(100), "t.2001-02-30",   "t.2001-01-01x"};
    for (const std::string& name : kept)
        writeFile(directory.path(name), lineOf("x"));
    for (const std::string& name : {dated(8), dated(9) + ".gz", dated(4000) + ".1"})
        writeFile(directory.path(name), lineOf("x"));
    openLog(directory.path("t"))->expire();
    auto left = namesIn(directory.path());
    left.erase(dated(0));
    // what stood in the file was of today
    CHECK(left == std::set<std::string>(kept.begin(), kept.end()));
}

TEST_CASE("what is no tracking log is left alone") {
    const ScratchDirectory directory;
    const std::string path = directory.path("keys");
    writeFile(path, "abc secret\n");
    fs::last_write_time(path, fs::file_time_type::clock::now() - 240h);
    CHECK_FALSE(mayBeTrackingFile(path));
    CHECK_FALSE(TrackingLog::open({.path = path}));
    CHECK(readFile(path) == "abc secret\n");
    CHECK(namesIn(directory.path()) == std::set<std::string>{"keys"});

    const std::string link = directory.path("link");
    fs::create_symlink(directory.path("elsewhere"), link);
    CHECK_FALSE(mayBeTrackingFile(link));
    CHECK_FALSE(TrackingLog::open({.path = link}));
    CHECK_FALSE(fs::exists(directory.path("elsewhere")));

    for (const char* const content : {"", "{\"ti", R"({"time":"2026-11-20T)"}) {
        writeFile(path, content);
        CHECK(mayBeTrackingFile(path));
    }
    writeFile(path, std::string(5000, '\0')); // after a power cut
    CHECK(mayBeTrackingFile(path));
    CHECK(mayBeTrackingFile(directory.path("not there")));
    CHECK_FALSE(mayBeTrackingFile(directory.path()));
}

TEST_CASE("many threads") {
    const ScratchDirectory directory;
    const std::string path = directory.path("t");
    const auto log = openLog(path);
    {
        std::vector<std::thread> threads;
        for (int count = 0; count < 4; ++count)
            threads.emplace_back([&] {
                for (int i = 0; i < 2000; ++i)
                    log->write(record("r"));
            });
        for (std::thread& thread : threads)
            thread.join();
    }
    // finish() gives the thread two seconds, which are few on a busy machine
    for (int tries = 0; tries < 6000 && log->written() < 8000; ++tries)
        std::this_thread::sleep_for(10ms);
    log->finish();
    CHECK(log->written() == 8000);
    CHECK(rulesIn(path).size() == 8000);
}

TEST_CASE("what waits has a bound") {
    const ScratchDirectory directory;
    const auto log = openLog(directory.path("t"));
    TrackingRecord big = record(std::string(1000, 'r'));
    big.recipients.assign(1000, std::string(1000, 'a'));
    // what is being written and what waits: a third of them each at most
    for (int i = 0; i < 100; ++i)
        log->write(big);
    CHECK(log->dropped() > 0);
}

} // namespace
} // namespace sluice
