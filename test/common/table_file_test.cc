// SPDX-License-Identifier: BSD-2-Clause
#include "common/table_file.hh"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace sluice;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

constexpr std::size_t longestLine = 65536;

/// A directory of its own for each test, removed with what is in it.
class Scratch {
public:
    Scratch() {
        std::string name = (std::filesystem::temp_directory_path() / "sluice-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    [[nodiscard]] std::string path(std::string_view name) const { return (path_ / name).string(); }
    [[nodiscard]] std::string table(std::string_view text) const {
        std::ofstream file(path("table"), std::ios::binary);
        file << text;
        REQUIRE(file.flush());
        return path("table");
    }

private:
    std::filesystem::path path_;
};

using Line = std::pair<std::size_t, std::string>;
using Lines = std::vector<Line>;

struct Reading {
    Lines lines;
    std::string error;
};

Reading readAll(const std::string& path) {
    Reading reading;
    const auto done = readTableFile(path, [&](std::size_t number, std::string_view text) {
        reading.lines.emplace_back(number, text);
    });
    if (!done)
        reading.error = done.error().message;
    return reading;
}

} // namespace

TEST_CASE("what is no readable file is an error that names it") {
    const Scratch scratch;
    CHECK(readAll(scratch.path("absent")).error ==
          scratch.path("absent") + ": cannot be opened: No such file or directory");
    CHECK(readAll(scratch.path("")).error.ends_with("cannot be read: Is a directory"));
    CHECK(readAll("").error == ": cannot be opened: No such file or directory");
    CHECK(readAll("/dev/null").error == "/dev/null: cannot be read: not a regular file");
    CHECK(readAll(scratch.path("a\nb")).error.find("a\\x0Ab") != std::string::npos);
}

TEST_CASE("a pipe that nobody writes to does not block") {
    const Scratch scratch;
    REQUIRE(mkfifo(scratch.path("pipe").c_str(), 0600) == 0);
    CHECK(readAll(scratch.path("pipe")).error.ends_with("not a regular file"));
}

TEST_CASE("a NUL is an error with its line, and the lines before it are handed over") {
    const Scratch scratch;
    for (const auto bad : {"\0"sv, "a\0"sv, "# \0"sv, "a\0\r"sv}) {
        for (const auto end : {""sv, "\n"sv, "\nmore\n"sv}) {
            const auto path = scratch.table("one\n\n"s.append(bad).append(end));
            const auto reading = readAll(path);
            CHECK(reading.error == path + ":3: the line holds a NUL");
            CHECK(reading.lines == Lines{{1, "one"}});
        }
    }
}

TEST_CASE("a line of 64 KiB is read, a longer one is an error with its line") {
    const Scratch scratch;
    const std::string longest(longestLine, 'a');
    for (const auto end : {""sv, "\n"sv, "\r\n"sv, "\r"sv}) {
        CAPTURE(end);
        const auto fits = readAll(scratch.table("one\n" + longest + std::string(end)));
        CHECK(fits.error == "");
        CHECK(fits.lines == Lines{{1, "one"}, {2, longest}});

        const auto path = scratch.table("one\n" + longest + "a" + std::string(end));
        const auto tooLong = readAll(path);
        CHECK(tooLong.error == path + ":2: the line is longer than 65536 octets");
        CHECK(tooLong.lines == Lines{{1, "one"}});
    }
    const auto path = scratch.table("#" + std::string(1 << 20, 'a'));
    CHECK(readAll(path).error == path + ":1: the line is longer than 65536 octets");
}

TEST_CASE("lines come with their numbers, without comments and blanks") {
    struct {
        std::string_view text;
        Lines lines;
    } const cases[] = {
        {"", {}},
        {"\n\n", {}},
        {"# comment\n \t\n", {}},
        {"a", {{1, "a"}}},
        {"a\n", {{1, "a"}}},
        {"a\r\nb\r\n", {{1, "a"}, {2, "b"}}},
        {"\r\n\r\na", {{3, "a"}}},
        {"a\rb\n", {{1, "a\rb"}}},
        {"# x\n\n a b # c\n#d\ne#f\n", {{3, "a b"}, {5, "e#f"}}},
        {"note=\"a # b\" # c\n", {{1, "note=\"a # b\""}}},
        // a quote ends with its line at the latest
        {"note=\"a # b\nc # d\n", {{1, "note=\"a # b"}, {2, "c"}}},
        {"\xEF\xBB\xBF# comment\na\n", {{2, "a"}}},
        {"\xEF\xBB\xBF"
         "a\n\xEF\xBB\xBF"
         "b\n",
         {{1, "a"},
          {2, "\xEF\xBB\xBF"
              "b"}}},
        {"b\xC3\xBC\xFF\n", {{1, "b\xC3\xBC\xFF"}}},
    };
    const Scratch scratch;
    for (const auto& one : cases) {
        CAPTURE(one.text);
        const auto reading = readAll(scratch.table(one.text));
        CHECK(reading.error == "");
        CHECK(reading.lines == one.lines);
    }
}

TEST_CASE("lines are whole wherever the pieces of the file end") {
    const Scratch scratch;
    for (std::size_t before = longestLine - 6; before <= longestLine + 3; ++before) {
        CAPTURE(before);
        const std::string first(before - 3, '#');
        // in the second piece: the end of `first`, of its CRLF, or of the word behind it
        const auto reading = readAll(scratch.table(first + "\r\nvalue x\r\nlast"));
        CHECK(reading.error == "");
        CHECK(reading.lines == Lines{{2, "value x"}, {3, "last"}});
    }
}

TEST_CASE("many lines are read in their order") {
    std::string text;
    for (int number = 1; number <= 100'000; ++number)
        text += "entry " + std::to_string(number) + '\n';
    const Scratch scratch;
    std::size_t expected = 0;
    const auto done =
        readTableFile(scratch.table(text), [&expected](std::size_t number, std::string_view line) {
            ++expected;
            if (number != expected || line != "entry " + std::to_string(number))
                FAIL("line " << number << " is " << line);
        });
    CHECK(done);
    CHECK(expected == 100'000);
}

TEST_CASE("a table is named by @ and an absolute path") {
    CHECK(tablePath("@/etc/table") == "/etc/table");
    CHECK(tablePath("@/") == "/");
    for (const auto value : {""sv, "@"sv, "@example.org"sv, "@.example.org"sv, "/etc/table"sv,
                             "@table"sv, "a@/b"sv, " @/etc/table"sv}) {
        CAPTURE(value);
        CHECK(tablePath(value).empty());
    }
}
