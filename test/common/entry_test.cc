// SPDX-License-Identifier: BSD-2-Clause
#include "common/entry.hh"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace sluice;

TEST_CASE("a bad entry is refused, and the reason is named") {
    struct {
        std::string_view text;
        std::string_view reason;
    } const cases[] = {
        {"", "no value"},
        {"  ", "no value"},
        {"expires=2026-12-31", "no value"},
        {"note=x", "no value"},
        {R"("")", "empty value"},
        {R"(""  note=x)", "empty value"},
        {"192.0.2.1 198.51.100.1", "\"198.51.100.1\" is neither"},
        {"192.0.2.1 expire=2026-12-31", "\"expire=2026-12-31\" is neither"},
        {"192.0.2.1 Note=x", "neither"},
        {"192.0.2.1 \"note\"=x", "neither"},
        {"192.0.2.1 expires", "neither"},
        {"192.0.2.1 expires=", "is no date"},
        {"192.0.2.1 expires=31.12.2026", "is no date"},
        {"192.0.2.1 expires=2026-02-30", "no day of the calendar"},
        {"192.0.2.1 expires=2026-12-31 expires=2026-12-31", "expires= is given twice"},
        {"192.0.2.1 note=a note=a", "note= is given twice"},
        {"192.0.2.1 note= note=a", "note= is given twice"},
        {R"(192.0.2.1 note="a)", "quote is not closed"},
        {R"("192.0.2.1 note=a)", "quote is not closed"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        const auto entry = parseEntry(one.text);
        REQUIRE_FALSE(entry);
        CAPTURE(entry.error().message);
        CHECK(entry.error().message.find(one.reason) != std::string::npos);
    }
}

TEST_CASE("an entry is a value and its attributes in any order") {
    struct {
        std::string_view text;
        std::string_view value;
        std::string_view expires;
        std::string_view note;
    } const cases[] = {
        {"192.0.2.1", "192.0.2.1", "", ""},
        {" 192.0.2.1\t", "192.0.2.1", "", ""},
        {"a@b expires=2026-12-31", "a@b", "2026-12-31", ""},
        {"a@b expires=\"2026-12-31\"", "a@b", "2026-12-31", ""},
        {R"(a@b note="two words")", "a@b", "", "two words"},
        {R"(a@b note=)", "a@b", "", ""},
        {R"(a@b note="a \"b\" # c")", "a@b", "", "a \"b\" # c"},
        {R"(a@b note=x expires=2026-12-31)", "a@b", "2026-12-31", "x"},
        {R"(<> note="no sender")", "<>", "", "no sender"},
        {R"("192.0.2.1" note=x)", "192.0.2.1", "", "x"},
        {R"("note=x")", "note=x", "", ""},
        {R"("two words")", "two words", "", ""},
        // quotes that are a part of the value stay with it
        {R"("Ted Bremer"@example.org note=x)", R"("Ted Bremer"@example.org)", "", "x"},
        {R"("a\"b"@example.org)", R"("a\"b"@example.org)", "", ""},
        {R"("a"."b")", R"("a"."b")", "", ""},
        {R"("\"Ted Bremer\"@example.org")", R"("Ted Bremer"@example.org)", "", ""},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        const auto entry = parseEntry(one.text);
        REQUIRE(entry);
        CHECK(entry->value == one.value);
        CHECK(entry->attributes.note == one.note);
        const auto& day = entry->attributes.expires;
        CHECK((day ? formatCivilDay(*day) : "") == one.expires);
    }
}

TEST_CASE("the day of expiry is included") {
    const CivilDay day = *parseCivilDay("2026-12-31");
    const EntryAttributes attributes{day, ""};
    CHECK_FALSE(attributes.expiredOn(*parseCivilDay("2026-12-30")));
    CHECK_FALSE(attributes.expiredOn(day));
    CHECK(attributes.expiredOn(*parseCivilDay("2027-01-01")));
    CHECK_FALSE(EntryAttributes{}.expiredOn(*parseCivilDay("9999-12-31")));
}

TEST_CASE("an entry outlasts those that expire before it") {
    const EntryAttributes forEver{};
    const EntryAttributes early{CivilDay{1}, "a"};
    const EntryAttributes late{CivilDay{2}, "b"};
    CHECK(forEver.outlasts(late));
    CHECK(late.outlasts(early));
    CHECK_FALSE(early.outlasts(late));
    CHECK_FALSE(late.outlasts(forEver));
    CHECK_FALSE(forEver.outlasts(forEver));
    CHECK_FALSE(late.outlasts(late));
}
