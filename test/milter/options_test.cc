// SPDX-License-Identifier: BSD-2-Clause
#include "milter/options.hh"
#include "test/milter/config_file.hh"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice;
using sluice::test::ConfigFile;

namespace {

CommandLine parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "sluice-milter");
    return parseCommandLine(static_cast<int>(arguments.size()), arguments.data());
}

std::string problemsOf(const CommandLine& line) {
    std::vector<Problem> problems;
    mergedSettings(line, problems);
    std::string lines;
    for (const Problem& problem : problems)
        lines += problem.line() + "\n";
    return lines;
}

} // namespace

TEST_CASE("what is wrong with the command line is said, all of it") {
    CHECK(problemsOf(parse({"--no-such", "--deny-ip", "192.0.2.1", "--nor-this=2"})) ==
          "command line: unknown option \"--no-such\"\n"
          "command line: unknown option \"--nor-this=2\"\n");
    CHECK(problemsOf(parse({"--max-hops", "1", "--max-hops", "2"})) ==
          "command line: max-hops: given twice, first at command line (value \"2\")\n");
    CHECK(problemsOf(parse({"stray"})) == "command line: unknown option \"stray\"\n");
    CHECK(problemsOf(parse({"--mode="})) ==
          "command line: the argument for option '--mode' should follow immediately after the "
          "equal sign\n");
    CHECK(problemsOf(parse({"--max-hop=1"})) == "command line: unknown option \"--max-hop=1\"\n");
}

TEST_CASE("what is wrong with the file is said with its line") {
    const ConfigFile file("# a comment\n"
                          "no-such = 1\n"
                          "max-hops\n"
                          "deny-ip =\n"
                          "= 5\n"
                          "max-size = 1\n"
                          "max-size = 2\n");
    CommandLine line;
    line.configFile = file.path();
    const std::string where = file.path() + ":";
    CHECK(problemsOf(line) == where + "2: unknown option \"no-such\"\n" + where +
                                  "3: expected \"name = value\", found \"max-hops\"\n" + where +
                                  "4: deny-ip: the value is missing\n" + where +
                                  "5: expected \"name = value\", found \"= 5\"\n" + where +
                                  "7: max-size: given twice, first at " + where +
                                  "6 (value \"2\")\n");
}

TEST_CASE("what a message shows of the input is escaped, and once") {
    const ConfigFile file("\x01\x7f = x\n");
    CommandLine line;
    line.configFile = file.path();
    CHECK(problemsOf(line) == file.path() + ":1: unknown option \"\\x01\\x7F\"\n");
}

TEST_CASE("a file that cannot be read is a problem") {
    CommandLine line;
    line.configFile = "/nonexistent/sluice.conf";
    CHECK(problemsOf(line).find("/nonexistent/sluice.conf") != std::string::npos);
    line.configFile = "/";
    CHECK_FALSE(problemsOf(line).empty());
}

TEST_CASE("flags win over the file, and origins are told") {
    const ConfigFile file("max-hops = 10 # a comment\n"
                          "deny-ip = 192.0.2.1 note=\"a # b\"\n"
                          "deny-ip = 192.0.2.2\n"
                          "block-sender = a@b.example\n");
    const CommandLine line = parse({"--config", file.path().c_str(), "--max-hops", "20",
                                    "--block-sender", "x@y.example note=\"c # d\"", "--check"});
    CHECK(line.check);
    std::vector<Problem> problems;
    const Settings settings = mergedSettings(line, problems);
    CHECK(problems.empty());
    const std::string printed = printedSettings(settings);
    const auto has = [&](const std::string& text) {
        INFO(printed);
        CHECK(printed.find(text) != std::string::npos);
    };
    has("max-hops = 20  # command line\n");
    has("deny-ip = 192.0.2.1 note=\"a # b\"  # " + file.path() + ":2\n");
    has("deny-ip = 192.0.2.2  # " + file.path() + ":3\n");
    has("max-recipients = 5000  # default\n");
    has("block-sender = x@y.example note=\"c # d\"  # command line\n");
    has("# badmail-dir is not set  # default\n");
    CHECK(printed.find("a@b.example") == std::string::npos);
}

TEST_CASE("what is printed is a configuration for the same settings") {
    const ConfigFile file("restrict-ip = 192.0.2.0/24 expires=2030-01-01 note=\"x # \\\"y\\\"\"\n"
                          "dnsbl = one list.example reply=\"no # entry for %0\"\n");
    CommandLine line;
    line.configFile = file.path();
    std::vector<Problem> problems;
    const std::string first = printedSettings(mergedSettings(line, problems));
    const ConfigFile copy(first);
    line.configFile = copy.path();
    const Settings again = mergedSettings(line, problems);
    CHECK(problems.empty());
    CHECK(again.values("restrict-ip").at(0).text ==
          "192.0.2.0/24 expires=2030-01-01 note=\"x # \\\"y\\\"\"");
    CHECK(again.values("dnsbl").at(0).text == "one list.example reply=\"no # entry for %0\"");
    CHECK(again.values("badmail-dir").empty());
}

TEST_CASE("a quote that is not closed is no value, nor is one of two lines") {
    const ConfigFile file("directory = redis:a\"b\n"
                          "block-sender = \"a b\"c\"\n");
    CommandLine fromFile;
    fromFile.configFile = file.path();
    const std::string where = file.path() + ":";
    CHECK(problemsOf(fromFile) ==
          where + "1: directory: a quote is not closed in \"redis:a\"b\"\n" + where +
              "2: block-sender: a quote is not closed in \"\"a b\"c\"\"\n");
    CHECK(problemsOf(parse({"--directory=redis:a\"b", "--block-sender=a@b.example\nc@d.example",
                            "--deny-ip", " "})) ==
          "command line: --directory: a quote is not closed in \"redis:a\"b\"\n"
          "command line: --block-sender: a value has no line break\n"
          "command line: --deny-ip: the value is missing\n");
}

TEST_CASE("a value of the command line means the same when it is printed") {
    const CommandLine line =
        parse({"--peer", " #two net=\"192.0.2.1, 192.0.2.2\"  domain=a.example ", "--redis-prefix",
               "#x", "--listener=a\tall"});
    std::vector<Problem> problems;
    const std::string printed = printedSettings(mergedSettings(line, problems));
    INFO(printed);
    for (const char* const expected :
         {"\npeer = \"#two\" net=\"192.0.2.1, 192.0.2.2\" domain=a.example  # command line\n",
          "\nredis-prefix = \"#x\"  # command line\n", "\nlistener = a\tall  # command line\n"})
        CHECK(printed.find(expected) != std::string::npos);
}

TEST_CASE("a table stands for its lines") {
    const ConfigFile table("192.0.2.1\n\n# comment\n192.0.2.2 note=x # why\n");
    const ConfigFile file("deny-ip = @" + table.path() + "\ndeny-ip = 192.0.2.3\n" +
                          "block-sender = @example.org\ndeny-ip = @/nonexistent/table\n");
    CommandLine line;
    line.configFile = file.path();
    std::vector<Problem> problems;
    const Settings settings = mergedSettings(line, problems);
    std::vector<std::string> seen;
    settings.forEach(
        "deny-ip",
        [&](std::string_view text, const Origin& origin) {
            seen.push_back(origin.text() + " " + std::string(text));
        },
        problems);
    CHECK(seen == std::vector<std::string>{table.path() + ":1 192.0.2.1",
                                           table.path() + ":4 192.0.2.2 note=x",
                                           file.path() + ":2 192.0.2.3"});
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].where == file.path() + ":4");
    CHECK(problems[0].what.find("/nonexistent/table") != std::string::npos);
    settings.forEach(
        "block-sender",
        [&](std::string_view text, const Origin&) { CHECK(text == "@example.org"); }, problems);
}

TEST_CASE("--help names every option") {
    const std::string help = optionHelp();
    for (const OptionSpec& spec : optionSpecs())
        CHECK(help.find("--" + std::string(spec.name)) != std::string::npos);
}
