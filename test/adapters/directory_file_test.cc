// SPDX-License-Identifier: BSD-2-Clause
#include "common/civil_day.hh"
#include "milter/adapters/directory_file.hh"
#include "test/support/capture_value.hh"
#include "test/support/captured_stderr.hh"
#include "test/support/scratch_directory.hh"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace sluice {
namespace {

using test::CapturedStderr;
using test::ScratchDirectory;
using test::writeFile;
using Answer = Directory::Answer;

Answer find(FileDirectory& directory, const std::string& address) {
    return directory.find(MailAddress::fromPath(address));
}

std::string day(int daysFromNow) {
    const auto today = localDay(std::chrono::system_clock::now());
    return formatCivilDay(CivilDay{static_cast<std::int32_t>(today) + daysFromNow});
}

/// A directory with a file, and what its log says.
struct Fixture {
    CapturedStderr log;
    ScratchDirectory scratch;
    const std::string path = scratch.path("users");
    std::shared_ptr<FileDirectory> directory;

    explicit Fixture(const std::string& content) {
        writeFile(path, content);
        directory = FileDirectory::open(path).value();
        log.rest();
    }
    void refresh(int times) {
        for (int i = 0; i < times; ++i)
            directory->refresh();
    }
    Answer find(const std::string& address) { return sluice::find(*directory, address); }
};

TEST_CASE("directory file: what cannot be opened") {
    const ScratchDirectory scratch;
    struct Case {
        const char* content;
        const char* error; ///< behind the path
    };
    const Case cases[] = {
        {"", ": no address in it; all mail would be refused"},
        {"# nobody\n\n   \n", ": no address in it; all mail would be refused"},
        {"alice@example.org\n\nbob\n", ":3: "},
        {"@example.org\n", ":1: "},
        {"<>\n", ":1: "},
        {"# c\nalice@example.org bob@example.org\n", ":2: "},
        {"alice@example.org expires=2026-02-30\n", ":1: "},
        {"alice@example.org colour=red\n", ":1: "},
        {"alice@exa mple.org\n", ":1: "},
        {"bad1\nbad2\n", ":1: "},
    };
    for (const auto& [content, error] : cases) {
        CAPTURE_VALUE(content);
        const auto path = scratch.path("users");
        writeFile(path, content);
        const auto directory = FileDirectory::open(path);
        REQUIRE_FALSE(directory.has_value());
        CHECK(directory.error().message.rfind(path + error, 0) == 0);
    }
    writeFile(scratch.path("nul"), std::string("a@example.org\nb@example.org\0\n", 29));
    CHECK_FALSE(FileDirectory::open(scratch.path("nul")).has_value());
    CHECK_FALSE(FileDirectory::open(scratch.path()).has_value());
    const auto missing = FileDirectory::open(scratch.path("none"));
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error().message == scratch.path("none") + ": No such file or directory");
}

TEST_CASE("directory file: who is known") {
    Fixture fixture("# the staff\n"
                    "alice@example.org\r\n"
                    "  BOB@Example.ORG.   # with a comment\n"
                    "\"Ted Bremer\"@example.org note=\"the boss\"\n"
                    "\"quoted\"@example.org\n"
                    "tag+x@example.org\n"
                    "hash#tag@example.org\n"
                    "gone@example.org expires=" +
                    day(-1) +
                    "\n"
                    "last@example.org expires=" +
                    day(0) +
                    "\n"
                    "twice@example.org expires=" +
                    day(1) +
                    "\n"
                    "twice@example.org expires=" +
                    day(-1) +
                    "\n"
                    "stays@example.org expires=" +
                    day(-1) +
                    "\n"
                    "stays@example.org\n"
                    "end@example.org");
    struct Case {
        const char* address;
        Answer answer;
    };
    const Case cases[] = {
        {"<>", Answer::unknown},
        {"", Answer::unknown},
        {"alice", Answer::unknown},
        {"<alice@example.com>", Answer::unknown},
        {"<example.org@alice>", Answer::unknown},
        {"<alice+x@example.org>", Answer::unknown},
        {"<tag@example.org>", Answer::unknown},
        {"<gone@example.org>", Answer::unknown},
        {"<alice@example.org>", Answer::known},
        {"<Alice@EXAMPLE.org>", Answer::known},
        {"<bob@example.org>", Answer::known},
        {"<\"ted bremer\"@example.org>", Answer::known},
        {"<quoted@example.org>", Answer::known},
        {"<tag+x@example.org>", Answer::known},
        {"<hash#tag@example.org>", Answer::known},
        {"<last@example.org>", Answer::known},
        {"<twice@example.org>", Answer::known},
        {"<stays@example.org>", Answer::known},
        {"<end@example.org>", Answer::known},
    };
    for (const auto& [address, answer] : cases) {
        CAPTURE_VALUE(address);
        CHECK(fixture.find(address) == answer);
    }
}

TEST_CASE("directory file: a new content is taken when the file has been at rest") {
    Fixture fixture("a@example.org\n");
    fixture.refresh(3);
    CHECK(fixture.find("b@example.org") == Answer::unknown);

    writeFile(fixture.path, "b@example.org\n");
    CHECK(fixture.find("b@example.org") == Answer::unknown);
    fixture.refresh(1);
    CHECK(fixture.find("b@example.org") == Answer::unavailable);
    CHECK(fixture.find("a@example.org") == Answer::known);
    fixture.refresh(FileDirectory::callsAtRest);
    CHECK(fixture.find("b@example.org") == Answer::known);
    CHECK(fixture.find("a@example.org") == Answer::unknown);
    CHECK(fixture.log.rest().find("info directory: " + fixture.path + ": 1 addresses") !=
          std::string::npos);
}

TEST_CASE("directory file: a file that is being written is not read") {
    Fixture fixture("a@example.org\n");
    std::string content = "b@example.org\n";
    for (int i = 0; i < 5; ++i) {
        content += "user" + std::to_string(i) + "@example.org\n";
        writeFile(fixture.path, content + "half-a-lin");
        fixture.refresh(FileDirectory::callsAtRest);
        CHECK(fixture.find("a@example.org") == Answer::known);
        CHECK(fixture.find("b@example.org") == Answer::unavailable);
    }
    writeFile(fixture.path, content);
    fixture.refresh(1 + FileDirectory::callsAtRest);
    CHECK(fixture.find("user4@example.org") == Answer::known);
    CHECK(fixture.log.rest().find("warning") == std::string::npos);
}

TEST_CASE("directory file: a file put in place by rename is seen, whatever its time and size") {
    Fixture fixture("a@example.org\n");
    const auto next = fixture.scratch.path("users.new");
    writeFile(next, "b@example.org\n");
    std::filesystem::last_write_time(next, std::filesystem::last_write_time(fixture.path));
    std::filesystem::rename(next, fixture.path);
    fixture.refresh(1);
    CHECK(fixture.find("b@example.org") == Answer::known);
}

TEST_CASE("directory file: while the file is bad, the old content knows and never denies") {
    Fixture fixture("a@example.org\n");
    const auto makeBad = [&](const std::string& way) {
        if (way == "missing") {
            std::filesystem::rename(fixture.path, fixture.path + ".away");
        } else if (way == "a directory") {
            std::filesystem::rename(fixture.path, fixture.path + ".away");
            std::filesystem::create_directory(fixture.path);
        } else if (way == "empty") {
            writeFile(fixture.path, "");
        } else {
            writeFile(fixture.path, "a@example.org\nc@example.org\nnonsense\n");
        }
    };
    for (const std::string way : {"missing", "a directory", "empty", "a bad line"}) {
        CAPTURE(way);
        makeBad(way);
        fixture.refresh(1 + FileDirectory::callsAtRest);
        CHECK(fixture.find("a@example.org") == Answer::known);
        CHECK(fixture.find("b@example.org") == Answer::unavailable);
        CHECK(fixture.find("c@example.org") == Answer::unavailable);

        if (std::filesystem::is_directory(fixture.path))
            std::filesystem::remove(fixture.path);
        if (std::filesystem::exists(fixture.path + ".away"))
            std::filesystem::rename(fixture.path + ".away", fixture.path);
        else
            writeFile(fixture.path, "a@example.org\n");
        fixture.refresh(1 + FileDirectory::callsAtRest);
        CHECK(fixture.find("a@example.org") == Answer::known);
        CHECK(fixture.find("b@example.org") == Answer::unknown);
    }
}

TEST_CASE("directory file: a change of state is logged once") {
    Fixture fixture("a@example.org\n");
    std::filesystem::remove(fixture.path);
    fixture.refresh(200);
    CHECK(fixture.log.line().find("warning directory: " + fixture.path +
                                  ": No such file or directory; the 1 addresses it had before "
                                  "stay in use") != std::string::npos);
    CHECK(fixture.log.rest().empty());

    writeFile(fixture.path, "a@example.org\nnonsense\n");
    fixture.refresh(200);
    CHECK(fixture.log.line().find(fixture.path + ":2: ") != std::string::npos);
    CHECK(fixture.log.rest().empty());

    writeFile(fixture.path, "a@example.org\n");
    fixture.refresh(200);
    CHECK(fixture.log.line().find("info directory: " + fixture.path + ": 1 addresses") !=
          std::string::npos);
    CHECK(fixture.log.rest().empty());
}

TEST_CASE("directory file: what the log tells of is in force") {
    Fixture fixture("a@example.org\n");
    std::filesystem::remove(fixture.path);
    fixture.refresh(1);
    CHECK(fixture.find("b@example.org") == Answer::unavailable);
    writeFile(fixture.path, "a@example.org\n");
    fixture.log.fill();
    std::thread thread([&] { fixture.refresh(1); }); // waits with its line
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (fixture.find("b@example.org") != Answer::unknown &&
           std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
    CHECK(fixture.find("b@example.org") == Answer::unknown);
    std::string told = fixture.log.rest();
    thread.join();
    told += fixture.log.rest();
    CHECK(told.find("info directory") != std::string::npos);
}

TEST_CASE("directory file: look-ups go on while the content is replaced") {
    Fixture fixture("both@example.org\n");
    constexpr int rounds = 100;
    std::atomic<bool> ended{false};
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&] {
            while (!ended) {
                wrong += fixture.find("both@example.org") != Answer::known;
                wrong += fixture.find("never@example.org") != Answer::unknown;
                std::this_thread::yield();
            }
        });
    for (int i = 0; i < rounds; ++i) {
        const auto own = "round" + std::to_string(i) + "@example.org";
        writeFile(fixture.path + ".new", "both@example.org\n" + own + "\n");
        std::filesystem::rename(fixture.path + ".new", fixture.path);
        fixture.refresh(1);
        CHECK(fixture.find(own) == Answer::known);
    }
    ended = true;
    for (auto& thread : threads)
        thread.join();
    CHECK(wrong == 0);
}

TEST_CASE("directory file: an address that was just added is never denied") {
    const auto address = [](int number) {
        return "user" + std::to_string(number) + "@example.org";
    };
    std::string content = address(0) + "\n";
    Fixture fixture(content);
    constexpr int rounds = 300;
    std::atomic<int> newest{0};
    std::atomic<int> denied{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int number = 0; number < rounds; number = newest) {
                denied += fixture.find(address(number)) == Answer::unknown;
                std::this_thread::yield();
            }
        });
    for (int number = 1; number <= rounds; ++number) {
        std::filesystem::remove(fixture.path);
        fixture.refresh(1);
        newest = number; // not known, and from now on not denied either
        fixture.log.rest();
        content += address(number) + "\n";
        writeFile(fixture.path, content);
        fixture.refresh(1);
    }
    for (auto& thread : threads)
        thread.join();
    CHECK(denied.load() == 0);
    CHECK(fixture.find(address(rounds)) == Answer::known);
}

TEST_CASE("directory file: a large file") {
    constexpr int count = 100'000;
    std::string content;
    for (int i = 0; i < count; ++i)
        content += "first.last" + std::to_string(i) + "@example.org\n";
    Fixture fixture(content);
    CHECK(fixture.find("first.last0@example.org") == Answer::known);
    CHECK(fixture.find("first.last99999@example.org") == Answer::known);
    CHECK(fixture.find("first.last100000@example.org") == Answer::unknown);
}

} // namespace
} // namespace sluice
