// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/milter_reply.hh"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::mta {
namespace {

using namespace std::string_view_literals;

Packet make(char code, std::string_view payload) {
    return {code, std::string(payload)};
}

TEST_CASE("reply line: what an MTA would not take") {
    for (const auto bad : {""sv, "550"sv, "55"sv, "250 fine"sv, "350 x"sv, "x50 no"sv, "5x0 no"sv,
                           "550\tno"sv, "550-5.7.1 unfinished"sv, "550-a\r\n451 b"sv,
                           "550 a\r\n550 b"sv, "550-a\nb"sv, "550-a\r\n"sv, "550 a\rb"sv}) {
        CAPTURE(bad);
        CHECK_FALSE(parseReplyLine(bad).has_value());
    }
}

TEST_CASE("reply line: its parts") {
    struct Row {
        std::string_view line;
        int code;
        std::string_view enhanced;
        std::string_view text;
    };
    const Row rows[] = {
        {"550 ", 550, "", ""},
        {"550 5.7.1", 550, "5.7.1", ""},
        {"550 5.7.1 no thanks", 550, "5.7.1", "no thanks"},
        {"451 later", 451, "", "later"},
        {"451 4.7.1x later", 451, "", "4.7.1x later"},
        {"554 5.123.1234 odd", 554, "", "5.123.1234 odd"},
        {"550 5.7.1 50%% off %% now", 550, "5.7.1", "50% off % now"},
        {"550-5.7.1 a\r\n550-5.7.1 b\r\n550 5.7.1 c", 550, "5.7.1", "a\nb\nc"},
        {"421 4.7.0 \xc3\xa4", 421, "4.7.0", "\xc3\xa4"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.line);
        const auto parts = parseReplyLine(row.line);
        REQUIRE(parts.has_value());
        CHECK(parts->code == row.code);
        CHECK(parts->enhanced == row.enhanced);
        CHECK(parts->text == row.text);
    }
}

TEST_CASE("reply: unknown answers and broken reply codes are trouble") {
    for (const auto& packet : {make('?', ""), make('\0', ""), make('y', ""), make('y', "550 no"),
                               make('y', "550 a\0b\0"sv), make('y', "250 ok\0"sv)}) {
        CAPTURE(packet.code);
        CAPTURE(packet.payload);
        CHECK_FALSE(parseReply(packet).has_value());
    }
}

TEST_CASE("reply: every answer") {
    struct Row {
        char code;
        Reply::Kind kind;
    };
    const Row rows[] = {
        {'c', Reply::Kind::proceed},  {'a', Reply::Kind::accept},
        {'r', Reply::Kind::reject},   {'t', Reply::Kind::tempfail},
        {'d', Reply::Kind::discard},  {'s', Reply::Kind::skip},
        {'4', Reply::Kind::shutdown}, {'f', Reply::Kind::connectionFailure},
    };
    for (const auto& row : rows) {
        CAPTURE(row.code);
        const auto reply = parseReply(make(row.code, ""));
        REQUIRE(reply.has_value());
        REQUIRE(reply->has_value());
        CHECK((*reply)->kind == row.kind);
    }
    const auto code = parseReply(make('y', "550 5.1.1 who?\0"sv));
    REQUIRE(code.has_value());
    CHECK((*code)->line == "550 5.1.1 who?");
    for (const char edit : {'p', 'h', 'i', 'm', 'e', '+', '2', '-', 'b', 'q'}) {
        CAPTURE(edit);
        const auto none = parseReply(make(edit, ""));
        REQUIRE(none.has_value());
        CHECK_FALSE(none->has_value());
    }
}

TEST_CASE("edit: what is not made as the protocol says") {
    const Packet rows[] = {
        make('c', ""),           make('p', ""),
        make('?', ""),           make('h', ""),
        make('h', "X\0"sv),      make('h', "X\0v"sv),
        make('h', "\0v\0"sv),    make('h', "X\0v\0w\0"sv),
        make('i', "\0\0"sv),     make('i', "\0\0\0\1"sv),
        make('m', "X\0v\0"sv),   make('e', ""),
        make('e', "<a>"),        make('e', "\0x\0"sv),
        make('+', "<a>\0b\0"sv), make('2', "<a>\0b\0c\0"sv),
        make('-', "<a>\0b\0"sv), make('q', "why"),
    };
    for (const auto& row : rows) {
        CAPTURE(row.code);
        CAPTURE(row.payload);
        const auto edit = parseEdit(row);
        REQUIRE_FALSE(edit.has_value());
        CHECK(edit.error().kind == Trouble::Kind::protocol);
    }
}

TEST_CASE("edit: header edits") {
    struct Row {
        Packet packet;
        Edit::Kind kind;
        std::uint32_t index;
        std::string_view value;
    };
    const Row rows[] = {
        {make('h', "X-A\0v\0"sv), Edit::Kind::addHeader, 0, "v"},
        {make('i', "\0\0\0\0X-A\0a\n b\0"sv), Edit::Kind::insertHeader, 0, "a\n b"},
        {make('i', "\0\0\1\2X-A\0v\0"sv), Edit::Kind::insertHeader, 258, "v"},
        {make('m', "\0\0\0\1X-A\0\0"sv), Edit::Kind::changeHeader, 1, ""},
    };
    for (const auto& row : rows) {
        const auto edit = parseEdit(row.packet);
        REQUIRE(edit.has_value());
        CHECK(edit->kind == row.kind);
        CHECK(edit->index == row.index);
        CHECK(edit->name == "X-A");
        CHECK(edit->value == row.value);
    }
}

TEST_CASE("edit: envelope, body and quarantine") {
    struct Row {
        Packet packet;
        Edit::Kind kind;
        std::string_view value;
        std::optional<std::string> arguments;
    };
    const Row rows[] = {
        {make('e', "<>\0"sv), Edit::Kind::changeSender, "<>", std::nullopt},
        {make('e', "<a@b>\0RET=HDRS\0"sv), Edit::Kind::changeSender, "<a@b>", "RET=HDRS"},
        {make('+', "<a@b>\0"sv), Edit::Kind::addRecipient, "<a@b>", std::nullopt},
        {make('2', "<a@b>\0NOTIFY=NEVER\0"sv), Edit::Kind::addRecipientWithArguments, "<a@b>",
         "NOTIFY=NEVER"},
        {make('2', "<a@b>\0"sv), Edit::Kind::addRecipientWithArguments, "<a@b>", std::nullopt},
        {make('-', "<a@b>\0"sv), Edit::Kind::deleteRecipient, "<a@b>", std::nullopt},
        {make('b', "one\0two"sv), Edit::Kind::replaceBody, "one\0two"sv, std::nullopt},
        {make('b', ""sv), Edit::Kind::replaceBody, "", std::nullopt},
        {make('q', "loop\0"sv), Edit::Kind::quarantine, "loop", std::nullopt},
    };
    for (const auto& row : rows) {
        CAPTURE(row.value);
        const auto edit = parseEdit(row.packet);
        REQUIRE(edit.has_value());
        CHECK(edit->kind == row.kind);
        CHECK(edit->value == row.value);
        CHECK(edit->arguments == row.arguments);
    }
}

} // namespace
} // namespace sluice::mta
