// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/audit/alias_reader.hh"
#include "milter/ctl/audit/aliases_text.hh"
#include "milter/ctl/audit/config_text.hh"
#include "test/support/capture_value.hh"
#include "test/support/scratch_directory.hh"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

using namespace sluice;
using namespace sluice::ctl::audit;

namespace {

/// Members as text: `\` in front of one that is final, `|`, `/` and `:include:` as they are
/// written.
std::string shown(const std::vector<WrittenMember>& members) {
    std::string text;
    for (const WrittenMember& member : members) {
        text += text.empty() ? "" : "; ";
        if (member.kind == WrittenMember::Kind::program)
            text += '|';
        if (member.kind == WrittenMember::Kind::include)
            text += ":include:";
        text += (member.final ? "\\" : "") + member.text;
    }
    return text;
}

std::vector<std::string> codes(const MtaFacts& facts) {
    std::vector<std::string> found;
    for (const Finding& finding : facts.remarks)
        found.emplace_back(finding.code);
    return found;
}

} // namespace

TEST_CASE("members that cannot be read are errors") {
    for (const char* text : {"\"anna", "anna, \"|cmd", "anna (at home", "Anna <anna@a.example",
                             "anna\x01", "an\x7Fna", "\"\\\""}) {
        CAPTURE(text);
        CHECK_FALSE(parseMembers(text));
    }
    CHECK(parseMembers("\"\x1B[31m").error().message.find('\x1B') == std::string::npos);
}

TEST_CASE("the members of an alias") {
    struct Row {
        const char* text;
        const char* members;
    };
    for (const auto& [text, members] : {
             Row{"", ""},
             Row{" , ,, ", ""},
             Row{"anna", "anna"},
             Row{"anna, ben@b.example ,carl", "anna; ben@b.example; carl"},
             Row{"anna@a.example ben@b.example", "anna@a.example; ben@b.example"},
             Row{"\\anna, anna@home.example", "\\anna; anna@home.example"},
             Row{"Anna B. <anna@a.example>, ben", "anna@a.example; ben"},
             Row{"\"Bremer, Ted\" <ted@a.example>", "ted@a.example"},
             Row{"\"Ted Bremer\"@a.example", "\"Ted Bremer\"@a.example"},
             Row{"anna (home, sweet (home)), ben", "anna; ben"},
             Row{"\"|/bin/vacation -a \\\"x, y\\\" anna\", ben",
                 "|/bin/vacation -a \"x, y\" anna; ben"},
             Row{"|\"/bin/procmail -a, b\"", "|\"/bin/procmail -a, b\""},
             Row{"|/bin/true", "|/bin/true"},
             Row{"/var/mail/archive", "/var/mail/archive"},
             Row{":include:/etc/mail/staff", ":include:/etc/mail/staff"},
             Row{"\":include:/etc/my lists/staff\"", ":include:/etc/my lists/staff"},
             Row{":Include: /etc/staff, anna", ":include:/etc/staff; anna"},
         }) {
        CAPTURE_VALUE(text);
        const auto found = parseMembers(text);
        REQUIRE(found);
        CHECK(shown(*found) == members);
    }
}

TEST_CASE("an alias file: lines that are none are named, the others count") {
    const AliasesText text = parseAliases("# a: comment\n"
                                          "Staff: anna,\n"
                                          "\tben,\n"
                                          "   # gone: carl\n"
                                          "  dora\n"
                                          "\n"
                                          "no colon\n"
                                          ": nobody\n"
                                          "open: \"quote\n"
                                          "\"Ted Bremer\": ted\n"
                                          "\"odd: name\" : x\r\n"
                                          "empty:\n");
    REQUIRE(text.aliases.size() == 4);
    CHECK(text.aliases[0].name == "Staff");
    CHECK(text.aliases[0].line == 2);
    CHECK(shown(text.aliases[0].members) == "anna; ben; dora");
    CHECK(text.aliases[1].name == "Ted Bremer");
    CHECK(text.aliases[2].name == "odd: name");
    CHECK(shown(text.aliases[2].members) == "x");
    CHECK(text.aliases[3].members.empty());
    REQUIRE(text.problems.size() == 3);
    CHECK(text.problems[0].line == 7);
    CHECK(text.problems[1].line == 8);
    CHECK(text.problems[2].line == 9);
}

TEST_CASE("a virtual table: lines that are none are named, the others count") {
    const AliasesText text = parseVirtual("lists.example domain\n"
                                          "alone@lists.example\n"
                                          "a@lists.example anna,\n  ben@b.example\n"
                                          "@lists.example catch@all.example\n"
                                          "staff: anna\n");
    REQUIRE(text.aliases.size() == 4);
    CHECK(text.aliases[1].name == "a@lists.example");
    CHECK(shown(text.aliases[1].members) == "anna; ben@b.example");
    CHECK(text.aliases[2].name == "@lists.example");
    CHECK(text.aliases[3].name == "staff");
    REQUIRE(text.problems.size() == 1);
    CHECK(text.problems[0].line == 2);
}

TEST_CASE("an include file has members on each line") {
    const IncludeText text =
        parseInclude("anna, ben\n# carl\n\n  dora (new)\n\"open\n:include:/x\n");
    CHECK(shown(text.members) == "anna; ben; dora; :include:/x");
    REQUIRE(text.problems.size() == 1);
    CHECK(text.problems[0].line == 5);
}

TEST_CASE("spans of time of an MTA") {
    using std::chrono::seconds;
    for (const char* bad : {"", "s", "x", "1x", "-1", "1.5s", "1 s", "99999999999999999999",
                            "4000w", "1h-", "315360000s315360000s"}) {
        CAPTURE(bad);
        CHECK_FALSE(parseMtaTime(bad));
    }
    CHECK(parseMtaTime("30") == seconds(30));
    CHECK(parseMtaTime(" 30s ") == seconds(30));
    CHECK(parseMtaTime("5m") == seconds(300));
    CHECK(parseMtaTime("1h30m") == seconds(5400));
    CHECK(parseMtaTime("2D") == seconds(172800));
    CHECK(parseMtaTime("1w") == seconds(604800));
}

TEST_CASE("items stand between commas and blanks, braces and quotes hold them together") {
    using Items = std::vector<std::string>;
    CHECK(splitItems("").empty());
    CHECK(splitItems(" , ,").empty());
    CHECK(splitItems("a, b\tc") == Items{"a", "b", "c"});
    CHECK(splitItems("{ a, b = { c } }, d") == Items{"{ a, b = { c } }", "d"});
    CHECK(splitItems("\"a b\" c") == Items{"\"a b\"", "c"});
    CHECK(splitItems("{ open, a") == Items{"{ open, a"});
    CHECK(splitItems("} a") == Items{"}", "a"});
    CHECK(withoutBraces(" { a b } ") == "a b");
    CHECK(withoutBraces("{a") == "{a");
    CHECK(splitKey("\"a b\"@c  d e").key == "a b@c");
    CHECK(splitKey("a").rest.empty());
}

TEST_CASE("files that are none, or too long, are not read") {
    const test::ScratchDirectory directory;
    FileReader files;
    CHECK_FALSE(files.read(directory.path()));
    CHECK_FALSE(files.read(directory.path("none")));
    REQUIRE(::mkfifo(directory.path("pipe").c_str(), 0600) == 0);
    CHECK_FALSE(files.read(directory.path("pipe")));
    test::writeFile(directory.path("long"), std::string(longestFile + 1, 'x'));
    CHECK_FALSE(files.read(directory.path("long")));
    test::writeFile(directory.path("short"), "x\n");
    CHECK(files.read(directory.path("short")) == "x\n");
    bool refused = false;
    for (std::size_t i = 0; i < mostFiles && !refused; ++i)
        refused = !files.read(directory.path("short"));
    CHECK(refused);
}

TEST_CASE("include files that include each other, or go too deep, end") {
    const test::ScratchDirectory directory;
    const auto include = [&](const std::string& name) {
        return ":include:" + directory.path(name) + "\n";
    };
    test::writeFile(directory.path("a"), "anna\n" + include("b"));
    test::writeFile(directory.path("b"), "ben\n" + include("a"));
    for (std::size_t i = 0; i < deepestInclude + 3; ++i)
        test::writeFile(directory.path("d" + std::to_string(i)),
                        "m" + std::to_string(i) + "\n" + include("d" + std::to_string(i + 1)));
    test::writeFile(directory.path("aliases"), "circle: " + include("a") + "deep: " +
                                                   include("d0") + "gone: " + include("none"));
    FileReader files;
    MtaFacts facts;
    AliasReader(files, facts).readAliases(directory.path("aliases"));
    REQUIRE(facts.aliases.size() == 3);
    CHECK(facts.aliases[0].members.size() == 2);
    CHECK(facts.aliases[1].members.size() == deepestInclude);
    CHECK(facts.aliases[2].members.empty());
    CHECK(std::all_of(facts.aliases.begin(), facts.aliases.end(),
                      [](const Alias& alias) { return alias.includes; }));
    CHECK(codes(facts) ==
          std::vector<std::string>{"include-loop", "include-depth", "file-unreadable"});
    CHECK_FALSE(facts.aliasesComplete);
}

TEST_CASE("more members than anyone means are not kept") {
    const test::ScratchDirectory directory;
    std::string many;
    for (int i = 0; i < 1000; ++i)
        many += "a\n";
    test::writeFile(directory.path("many"), many);
    std::string aliases;
    for (int i = 0; i < 600; ++i)
        aliases += "l" + std::to_string(i) + ": :include:" + directory.path("many") + "\n";
    test::writeFile(directory.path("aliases"), aliases);
    FileReader files;
    MtaFacts facts;
    AliasReader(files, facts).readAliases(directory.path("aliases"));
    std::size_t members = 0;
    for (const Alias& alias : facts.aliases)
        members += alias.members.size();
    CHECK(members == mostMembers);
    CHECK(codes(facts) == std::vector<std::string>{"limit-reached"});
}
