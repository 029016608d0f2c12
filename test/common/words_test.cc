// SPDX-License-Identifier: BSD-2-Clause
#include "common/words.hh"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace sluice;
using namespace std::string_view_literals;

using Words = std::vector<std::string>;

TEST_CASE("a quote that is not closed is an error that shows it") {
    for (const auto text : {R"(")"sv, R"(a ")"sv, R"(reply="two words)"sv, R"("a" "b)"sv,
                            R"("a\")"sv, R"("a\\\")"sv}) {
        CAPTURE(text);
        CHECK_FALSE(splitWords(text));
        CHECK_FALSE(splitRawWords(text));
    }
    CHECK(splitWords("a reply=\"x\ny").error().message ==
          "a quote is not closed in \"reply=\"x\\x0Ay\"");
}

TEST_CASE("words are separated by blanks and joined by quotes") {
    struct {
        std::string_view text;
        Words words;
    } const cases[] = {
        {"", {}},
        {" \t ", {}},
        {"a", {"a"}},
        {" a \t b\r\n", {"a", "b"}},
        {R"("")", {""}},
        {R"(a "" b)", {"a", "", "b"}},
        {R"("two words")", {"two words"}},
        {R"(reply="two words" x)", {"reply=two words", "x"}},
        {R"(a"b c"d"e f"g)", {"ab cde fg"}},
        {R"("a"b)", {"ab"}},
        {R"("a\"b")", {"a\"b"}},
        {R"("a\\" b)", {"a\\", "b"}},
        {R"("a\b")", {"a\\b"}},
        {R"(C:\dir\ x)", {"C:\\dir\\", "x"}},
        {R"(a\"b c")", {"a\\b c"}},
        {R"('a b')", {"'a", "b'"}},
        {"\"a\tb\"", {"a\tb"}},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        REQUIRE(splitWords(one.text));
        CHECK(*splitWords(one.text) == one.words);
    }
}

TEST_CASE("raw words keep their quotes") {
    const auto words = splitRawWords(R"( "Ted Bremer"@example.org note="a \" b" )");
    REQUIRE(words);
    CHECK(*words ==
          std::vector<std::string_view>{R"("Ted Bremer"@example.org)", R"(note="a \" b")"});
}

TEST_CASE("a comment begins at the start of the line or after a blank, outside quotes") {
    struct {
        std::string_view line;
        std::string_view text;
    } const cases[] = {
        {"", ""},
        {"#", ""},
        {"# a", ""},
        {"  # a", ""},
        {"a # b", "a"},
        {"a\t#b", "a"},
        {"a#b", "a#b"},
        {"a#b #c", "a#b"},
        {"#a#b", ""},
        {R"("a # b")", R"("a # b")"},
        {R"("a # b" # c)", R"("a # b")"},
        {R"("a"# b)", R"("a"# b)"},
        {R"("a \" # b" # c)", R"("a \" # b")"},
        {R"("a \\" # b)", R"("a \\")"},
        {R"(\" # a")", R"(\" # a")"},
        {R"(note="open # a)", R"(note="open # a)"},
        {R"(note="" # a)", R"(note="")"},
        {"  a b \r", "a b"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.line);
        CHECK(withoutComment(one.line) == one.text);
    }
}

TEST_CASE("a quoted word reads back as it was, behind another word and in front of a comment") {
    for (const auto text : {""sv,      "a"sv,      "a b"sv,         " "sv,         "#a"sv,
                            "a#b"sv,   "#"sv,      "\""sv,          "\\"sv,        "a\\"sv,
                            "\\\""sv,  "a\\ b"sv,  "a\\\\ \"b\""sv, "a\tb"sv,      "a\r\nb"sv,
                            "a # b"sv, "@/path"sv, "\"Ted\"@d"sv,   "x=\"y z\""sv, "b\xC3\xBC"sv,
                            "a\0b"sv}) {
        CAPTURE(text);
        const std::string line = "first " + quoteWord(text) + " # comment";
        const auto words = splitWords(withoutComment(line));
        REQUIRE(words);
        CHECK(*words == Words{"first", std::string(text)});
    }
}

TEST_CASE("what needs no quotes gets none") {
    for (const auto text : {"a"sv, "a#b"sv, "C:\\dir"sv, "x=y"sv, "<>"sv})
        CHECK(quoteWord(text) == text);
}

TEST_CASE("a raw word loses its quotes only when they are around all of it") {
    CHECK(unquoteWhole("plain") == "plain");
    CHECK(unquoteWhole("\"a b\"") == "a b");
    CHECK(unquoteWhole("\"a\\\"b\"") == "a\"b");
    CHECK(unquoteWhole("\"a\"@b") == "\"a\"@b");
    CHECK(unquoteWhole("\"a\"b\"c\"") == "\"a\"b\"c\"");
    CHECK(unquoteWhole("\"") == "\"");
}

TEST_CASE("a separator inside quotes separates nothing") {
    using Parts = std::vector<std::string_view>;
    CHECK((splitOutsideQuotes("", ',') == Parts{""}));
    CHECK((splitOutsideQuotes("a,,b", ',') == Parts{"a", "", "b"}));
    CHECK((splitOutsideQuotes("\"a,b\"@c,d", ',') == Parts{"\"a,b\"@c", "d"}));
    CHECK((splitOutsideQuotes("\"a\\\",b\",c", ',') == Parts{"\"a\\\",b\"", "c"}));
}
