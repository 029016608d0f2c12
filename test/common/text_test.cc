// SPDX-License-Identifier: BSD-2-Clause
#include "common/text.hh"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace sluice;
using namespace std::string_view_literals;

TEST_CASE("what is no plain decimal number is refused") {
    for (const auto text :
         {""sv, " "sv, "+1"sv, "-1"sv, " 1"sv, "1 "sv, "1x"sv, "0x10"sv, "1.0"sv, "1e3"sv, "1\0"sv,
          "18446744073709551616"sv, "99999999999999999999999"sv, "\xD9\xA1"sv}) {
        CAPTURE(text);
        CHECK_FALSE(parseUnsigned(text));
    }
}

TEST_CASE("decimal numbers are read up to the last that fits") {
    CHECK(parseUnsigned("0") == 0);
    CHECK(parseUnsigned("007") == 7);
    CHECK(parseUnsigned("18446744073709551615") == 18446744073709551615ULL);
}

TEST_CASE("letters change their case in ASCII only") {
    CHECK(toLowerAscii("") == "");
    CHECK(toLowerAscii("@AZ[`az{") == "@az[`az{");
    CHECK(toLowerAscii("B\xC3\x9C"sv) == "b\xC3\x9C");
    CHECK(lowerAscii('\xC0') == '\xC0');

    CHECK(equalsIgnoringCase("", ""));
    CHECK(equalsIgnoringCase("List-Id", "LIST-ID"));
    CHECK_FALSE(equalsIgnoringCase("List-Id", "List-I"));
    CHECK_FALSE(equalsIgnoringCase("List", "List-Id"));
    CHECK_FALSE(equalsIgnoringCase("@", "`"));
    CHECK_FALSE(equalsIgnoringCase("\xC3\x9C", "\xC3\xBC"));
}

TEST_CASE("trim takes blanks from the ends and nothing else") {
    struct {
        std::string_view text;
        std::string_view trimmed;
    } const cases[] = {
        {"", ""},
        {" \t\r\n", ""},
        {"a", "a"},
        {"\t a b\r\n", "a b"},
        {"\va\f"sv, "\va\f"sv},
        {"\0a\0"sv, "\0a\0"sv},
        {"\xC2\xA0"sv, "\xC2\xA0"sv},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        CHECK(trim(one.text) == one.trimmed);
    }
}

TEST_CASE("split keeps empty parts") {
    using Parts = std::vector<std::string_view>;
    CHECK(split("", ',') == Parts{""});
    CHECK(split(",", ',') == Parts{"", ""});
    CHECK(split("a", ',') == Parts{"a"});
    CHECK(split(",a,,b,", ',') == Parts{"", "a", "", "b", ""});
}

TEST_CASE("what could deceive a reader of a log is escaped") {
    struct {
        std::string_view untrusted;
        std::string_view shown;
    } const cases[] = {
        {"", ""},
        {"plain ~ text", "plain ~ text"},
        {"\0"sv, "\\x00"},
        {"a\r\nb\tc", "a\\x0D\\x0Ab\\x09c"},
        {"\x1B[2J", "\\x1B[2J"},
        {"\x7F", "\\x7F"},
        {"\\x41", "\\x5Cx41"},
        // UTF-8 that is fine
        {"b\xC3\xBC"
         "cher",
         "b\xC3\xBC"
         "cher"},
        {"\xE2\x82\xAC \xF0\x9F\x93\xA7", "\xE2\x82\xAC \xF0\x9F\x93\xA7"},
        {"\xC2\xA0\xF4\x8F\xBF\xBF", "\xC2\xA0\xF4\x8F\xBF\xBF"},
        // bytes that are none
        {"\x80", "\\x80"},
        {"\xFF\xFE", "\\xFF\\xFE"},
        {"\xC3", "\\xC3"},
        {"\xC3x", "\\xC3x"},
        {"\xE2\x82", "\\xE2\\x82"},
        {"\xE2\x82x", "\\xE2\\x82x"},
        {"\xF0\x9F\x93", "\\xF0\\x9F\\x93"},
        // overlong, surrogate, beyond Unicode
        {"\xC0\x8A", "\\xC0\\x8A"},
        {"\xC1\x81", "\\xC1\\x81"},
        {"\xE0\x80\x8A", "\\xE0\\x80\\x8A"},
        {"\xF0\x80\x80\x8A", "\\xF0\\x80\\x80\\x8A"},
        {"\xED\xA0\x80", "\\xED\\xA0\\x80"},
        {"\xF4\x90\x80\x80", "\\xF4\\x90\\x80\\x80"},
        {"\xF8\x88\x80\x80\x80", "\\xF8\\x88\\x80\\x80\\x80"},
        // C1 controls: next line, control sequence introducer
        {"\xC2\x85", "\\xC2\\x85"},
        {"\xC2\x9B[2J", "\\xC2\\x9B[2J"},
        // direction of writing, line separator, zero width, byte order mark, tags
        {"a\xE2\x80\xAE"
         "b",
         "a\\xE2\\x80\\xAEb"},
        {"\xE2\x81\xA6", "\\xE2\\x81\\xA6"},
        {"\xE2\x81\xA9", "\\xE2\\x81\\xA9"},
        {"\xD8\x9C", "\\xD8\\x9C"},
        {"\xE2\x80\x8F", "\\xE2\\x80\\x8F"},
        {"\xE2\x80\xA8", "\\xE2\\x80\\xA8"},
        {"\xE2\x80\x8B", "\\xE2\\x80\\x8B"},
        {"\xEF\xBB\xBF", "\\xEF\\xBB\\xBF"},
        {"\xF3\xA0\x81\x81", "\\xF3\\xA0\\x81\\x81"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.shown);
        CHECK(escapeForDisplay(one.untrusted) == one.shown);
    }
}

TEST_CASE("a long text is cut between two characters") {
    struct {
        std::string_view untrusted;
        std::size_t limit;
        std::string_view shown;
    } const cases[] = {
        {"abc", 3, "abc"},
        {"abcd", 3, "abc…"},
        {"a", 0, "…"},
        {"", 0, ""},
        {"a\xC3\xBC", 3, "aü"},
        {"a\xC3\xBC", 2, "a…"},
        {"\n\n\n", 2, "\\x0A\\x0A…"},
        {"\xFF\xFF", 1, "\\xFF…"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.shown);
        CHECK(escapeForDisplay(one.untrusted, one.limit) == one.shown);
    }
    CHECK(escapeForDisplay(std::string(512, 'a')) == std::string(512, 'a'));
    CHECK(escapeForDisplay(std::string(513, 'a')) == std::string(512, 'a') + "…");
}

TEST_CASE("every octet comes out fit for a terminal, whatever its neighbours") {
    for (int first = 0; first < 256; ++first)
        for (int second = 0; second < 256; ++second) {
            const std::string pair{static_cast<char>(first), static_cast<char>(second)};
            for (const char c : escapeForDisplay(pair)) {
                const bool control = static_cast<unsigned char>(c) < 0x20 || c == '\x7F';
                if (control)
                    FAIL("control character from " << first << ' ' << second);
            }
        }
}

TEST_CASE("a quotation in an error message is short") {
    CHECK(quoteForDisplay("a\nb") == "\"a\\x0Ab\"");
    CHECK(quoteForDisplay(std::string(70000, 'a')).size() < 160);
}
