// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/mail_archive.hh"
#include "milter/ctl/simulate_command.hh"
#include "test/support/capture_value.hh"
#include "test/support/scratch_directory.hh"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <sysexits.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

using namespace sluice;

namespace {

struct Run {
    int status;
    std::string out;
    std::string err;
};

Run simulate(const std::vector<std::string>& arguments) {
    std::ostringstream out;
    std::ostringstream err;
    const int status = ctl::simulateCommand.run(arguments, out, err);
    return {status, out.str(), err.str()};
}

nlohmann::json summaryOf(const Run& run) {
    std::istringstream lines(run.out);
    std::string line;
    nlohmann::json last;
    while (std::getline(lines, line))
        last = nlohmann::json::parse(line);
    return last.at("summary");
}

/// The message that one of two programs writes about the other's, a minute later each time.
std::string turn(int number, bool marked) {
    const bool desk = number % 2 == 0;
    const std::string own = desk ? "desk@example.org" : "joe@example.com";
    const std::string other = desk ? "joe@example.com" : "desk@example.org";
    std::string text = "From: " + own + "\nTo: " + other +
                       "\nSubject: Re: Printer\nDate: Mon, 5 Jan " +
                       "2026 10:" + std::to_string(10 + number) + ":00 +0100\nMessage-ID: <" +
                       std::to_string(number) + "@x>\n";
    if (number > 0)
        text += "In-Reply-To: <" + std::to_string(number - 1) + "@x>\n";
    if (marked)
        text += "Auto-Submitted: auto-replied\n";
    return text + "\n" +
           (desk ? "Your mail number " + std::to_string(number) + " has been received.\n"
                 : "I am on holiday for a while.\n\nFrom here it is far: 12 hours.\n") +
           "\n";
}

class Folder {
public:
    std::string file(const std::string& name, const std::string& text) {
        const std::string path = scratch_.path() + "/" + name;
        std::filesystem::create_directories(std::filesystem::path(path).parent_path());
        std::ofstream(path, std::ios::binary) << text;
        return path;
    }
    [[nodiscard]] std::string path() const { return scratch_.path(); }

private:
    test::ScratchDirectory scratch_;
};

} // namespace

TEST_CASE("simulate: bad words and files that cannot be read") {
    CHECK(simulate({}).status == EX_USAGE);
    CHECK(simulate({"--json"}).status == EX_USAGE);
    CHECK(simulate({"--xml", "x"}).err.find("\"--xml\" is no option") != std::string::npos);
    CHECK(simulate({"x", "--depth"}).err.find("--depth needs a value") != std::string::npos);
    for (const char* depth : {"0", "-1", "three", "1001", ""}) {
        const Run run = simulate({"--depth", depth, "x"});
        CHECK(run.status == EX_USAGE);
        CHECK(run.err.find("--depth: \"" + std::string(depth) + "\" is no depth") !=
              std::string::npos);
    }
    CHECK(simulate({"--memory", "6 hours", "x"}).status == EX_USAGE);
    Folder folder;
    const std::string good = folder.file("good.eml", turn(0, false));
    const Run run = simulate({"--json", folder.path() + "/none\n", good});
    CHECK(run.status == EX_NOINPUT);
    CHECK(run.err.find("none\\x0A\": there is no such file") != std::string::npos);
    CHECK(summaryOf(run).at("messages") == 1); // the rest goes on
    CHECK(summaryOf(simulate({"--json", folder.file("empty", "")})).at("messages") == 0);
}

TEST_CASE("simulate: a loop is found, whatever it is stored in") {
    struct Case {
        bool marked;
        int cut; ///< the first message that is
        int marks;
    };
    for (const auto& [marked, cut, marks] : {Case{false, 3, 1}, Case{true, 2, 0}}) {
        CAPTURE_VALUE(marked);
        Folder folder;
        std::string mbox;
        for (int number = 0; number < 6; ++number)
            mbox += "From nobody Mon Jan  5 10:00:00 2026\n" + turn(number, marked);
        // out of order: the time of the messages counts, not that of the files
        for (int number = 5; number >= 0; --number)
            folder.file("new/" + std::to_string(9 - number), turn(number, marked));
        const std::string file = folder.file("mbox", mbox);
        for (const std::string& path : {file, folder.path() + "/new"}) {
            const Run run = simulate({"--json", path});
            CAPTURE(run.out);
            CHECK(run.status == EX_OK);
            CHECK(summaryOf(run).at("messages") == 6);
            CHECK(summaryOf(run).at("cut") == 6 - cut);
            CHECK(summaryOf(run).at("marked") == marks);
        }
        const Run text = simulate({file});
        CHECK(text.out.find(file + ":" + std::to_string(cut + 1) + ": cut: ") != std::string::npos);
        CHECK(text.out.find(std::to_string(6 - cut) + " would be cut") != std::string::npos);
    }
    Folder folder;
    std::string mbox;
    for (int number = 0; number < 6; ++number)
        mbox += "From nobody Mon Jan  5 10:00:00 2026\n" + turn(number, false);
    const std::string file = folder.file("mbox", mbox);
    CHECK(summaryOf(simulate({"--json", "--depth", "5", file})).at("cut") == 1);
    CHECK(summaryOf(simulate({"--json", "--memory", "10s", file})).at("cut") == 0);
}

TEST_CASE("simulate: what is no mail is no trouble") {
    Folder folder;
    std::string octets;
    for (int octet = 0; octet < 100'000; ++octet)
        octets += static_cast<char>(octet * 7919 >> 3);
    const std::string file = folder.file("octets", octets);
    const Run run =
        simulate({"--json", file, folder.file("from", "From "), folder.file("blank", "\n\n\n")});
    CHECK(run.status == EX_OK);
    CHECK(summaryOf(run).at("messages") == 3);
    CHECK(summaryOf(run).at("undated") == 3);
    CHECK(summaryOf(run).at("cut") == 0);
}

TEST_CASE("dates") {
    struct Case {
        std::string text;
        std::optional<std::int64_t> seconds;
    };
    const Case cases[] = {
        {"", std::nullopt},
        {"yesterday", std::nullopt},
        {std::string(100'000, '1'), std::nullopt},
        {" Thu, 1 Jan 1970 00:01:00 +0000", 60},
        {" 1 Jan 1970 01:01:00\r\n +0100 (CET)", 60},
        {"Thu Jan  1 00:01:00 1970", 60},
    };
    for (const auto& [text, seconds] : cases) {
        CAPTURE_VALUE(text.substr(0, 50));
        CHECK(ctl::secondsOfDate(text) == seconds);
    }
}

TEST_CASE("archive: a message without a date has that of the one before") {
    Folder folder;
    const std::string mbox = folder.file(
        "mbox", "From a Thu Jan  1 00:01:00 1970\nSubject: 1\n\nFrom the start: 1 body\n\n"
                "From b at example.org  Thu Jan  1 00:00:30 1970\nSubject: 2\n\nx\n");
    ctl::MailArchive archive;
    REQUIRE(archive.add(mbox));
    REQUIRE(archive.add(folder.file("undated", "Subject: 3\n\nFrom a Thu Jan  1 00:01:00 1970\n")));
    archive.sortByTime();
    const auto& places = archive.places();
    REQUIRE(places.size() == 3);
    const std::vector<std::int64_t> seconds{places[0].seconds, places[1].seconds,
                                            places[2].seconds};
    CHECK(seconds == std::vector<std::int64_t>{30, 30, 60});
    CHECK(archive.undated() == 1);
    const char* const subjects[] = {"Subject: 2", "Subject: 3", "Subject: 1"};
    for (std::size_t place = 0; place < places.size(); ++place)
        CHECK(archive.read(places[place]).value().find(subjects[place]) != std::string::npos);
    CHECK(archive.read(places[2]).value().find("the start") != std::string::npos);
}
