// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/milter_commands.hh"
#include "test/support/scripted_filter.hh"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace sluice::mta {
namespace {

using Json = nlohmann::json;
using namespace std::string_view_literals;

constexpr std::chrono::milliseconds ample{20'000};
constexpr std::chrono::milliseconds brief{30};

/// Commands on a connection to a filter that answers every packet the same.
struct Connected {
    explicit Connected(std::string answer, std::chrono::milliseconds limit = ample)
        : filter([answer = std::move(answer)](const Packet&) { return answer; }),
          commands(MilterClient(filter.takeClientSide(limit))) {}

    Json answer(std::string_view command) { return Json::parse(commands.answer(command)); }

    ScriptedFilter filter;
    MilterCommands commands;
};

TEST_CASE("milter commands: nothing goes without a connection") {
    MilterCommands commands;
    for (const auto command :
         {R"({"do":"helo","name":"x"})", R"({"do":"closed"})", R"({"do":"eom"})"}) {
        CAPTURE(command);
        CHECK(Json::parse(commands.answer(command)) ==
              Json({{"error", "not connected"}, {"kind", "usage"}}));
    }
    CHECK(Json::parse(commands.answer(R"({"do":"connect","socket":"tcp:1"})"))["kind"] == "usage");
    CHECK(Json::parse(commands.answer(
              R"({"do":"connect","socket":"unix:/nonexistent/x","timeout-ms":600001})"))["kind"] ==
          "usage");
    CHECK(Json::parse(commands.answer(
              R"({"do":"connect","socket":"unix:/nonexistent/x"})"))["kind"] == "system");
}

TEST_CASE("milter commands: what is none") {
    Connected connected(packet(Answer::proceed));
    for (const auto bad : {
             "",
             "{",
             "[]",
             "7",
             R"({})",
             R"({"do":7})",
             R"({"do":"dance"})",
             R"({"do":"helo"})",
             R"({"do":"helo","name":7})",
             R"({"do":"helo","name":{"base64":"?"}})",
             R"({"do":"mail","args":"<>"})",
             R"({"do":"mail","args":[1]})",
             R"({"do":"rcpt"})",
             R"({"do":"header","name":"X"})",
             R"({"do":"body"})",
             R"({"do":"body","base64":"Z"})",
             R"({"do":"raw","text":"x"})",
             R"({"do":"macros","stage":"quit","values":{}})",
             R"({"do":"macros","stage":"mail","values":["i"]})",
             R"({"do":"conn","host":"x","family":"ipx"})",
             R"({"do":"conn","host":"x","family":"inet"})",
             R"({"do":"conn","host":"x","family":"inet","address":"192.0.2.1","port":65536})",
             R"({"do":"conn","host":"x","family":"inet","address":"192.0.2.1","port":-1})",
             R"({"do":"negotiate","steps":4294967296})",
             R"({"do":"negotiate","version":"6"})",
         }) {
        CAPTURE(bad);
        const auto answer = connected.answer(bad);
        CHECK(answer["kind"] == "usage");
        CHECK_FALSE(answer["error"].get<std::string>().empty());
    }
    CHECK(connected.answer(R"({"do":"helo","name":"x"})") == Json({{"reply", "continue"}}));
}

TEST_CASE("milter commands: replies") {
    struct Row {
        std::string octets;
        Json answer;
    };
    const Row rows[] = {
        {packet(Answer::proceed), {{"reply", "continue"}}},
        {packet(Answer::accept), {{"reply", "accept"}}},
        {packet(Answer::reject), {{"reply", "reject"}}},
        {packet(Answer::tempfail), {{"reply", "tempfail"}}},
        {packet(Answer::discard), {{"reply", "discard"}}},
        {packet(Answer::skip), {{"reply", "skip"}}},
        {packet(Answer::shutdown), {{"reply", "shutdown"}}},
        {packet(Answer::connectionFailure), {{"reply", "connection-failure"}}},
        {packet(Answer::replyCode, "550 5.7.1 50%% no\0"sv),
         {{"reply", "replycode"},
          {"code", 550},
          {"enhanced", "5.7.1"},
          {"text", "50% no"},
          {"line", "550 5.7.1 50%% no"}}},
        {packet(Answer::replyCode, "451 \xff\0"sv),
         {{"reply", "replycode"},
          {"code", 451},
          {"enhanced", ""},
          {"text", {{"base64", "/w=="}}},
          {"line", {{"base64", "NDUxIP8="}}}}},
    };
    for (const auto& row : rows) {
        Connected connected(row.octets);
        CHECK(connected.answer(R"({"do":"rcpt","args":["<b@example.org>"]})") == row.answer);
    }
}

TEST_CASE("milter commands: edits") {
    Connected connected(packet(Answer::addHeader, "X-A\0\xff\0"sv) +
                        packet(Answer::insertHeader, "\0\0\0\1X-B\0b\0"sv) +
                        packet(Answer::changeHeader, "\0\0\0\2X-C\0\0"sv) +
                        packet(Answer::changeSender, "<>\0RET=HDRS\0"sv) +
                        packet(Answer::addRecipient, "<a@b>\0"sv) +
                        packet(Answer::addRecipientWithArguments, "<a@b>\0NOTIFY=NEVER\0"sv) +
                        packet(Answer::deleteRecipient, "<c@d>\0"sv) +
                        packet(Answer::replaceBody, "text"sv) +
                        packet(Answer::quarantine, "loop\0"sv) + packet(Answer::accept));
    const Json edits = {
        {{"edit", "addheader"}, {"name", "X-A"}, {"value", {{"base64", "/w=="}}}},
        {{"edit", "insheader"}, {"index", 1}, {"name", "X-B"}, {"value", "b"}},
        {{"edit", "chgheader"}, {"index", 2}, {"name", "X-C"}, {"value", ""}},
        {{"edit", "chgfrom"}, {"address", "<>"}, {"arguments", "RET=HDRS"}},
        {{"edit", "addrcpt"}, {"address", "<a@b>"}},
        {{"edit", "addrcpt_par"}, {"address", "<a@b>"}, {"arguments", "NOTIFY=NEVER"}},
        {{"edit", "delrcpt"}, {"address", "<c@d>"}},
        {{"edit", "replacebody"}, {"chunk", "text"}},
        {{"edit", "quarantine"}, {"reason", "loop"}},
    };
    const auto answer = connected.answer(R"({"do":"eom"})");
    CHECK(answer["reply"] == "accept");
    CHECK(answer["edits"] == edits);
}

TEST_CASE("milter commands: negotiation, silence and waiting") {
    Connected connected(packet('O', encodeNumber(6) + encodeNumber(1) + encodeNumber(0x90) +
                                        std::string("\0\0\0\5i\0"sv)));
    CHECK(connected.answer(R"({"do":"negotiate"})") ==
          Json({{"version", 6}, {"actions", 1}, {"steps", 0x90}, {"macros", {{"eom", "i"}}}}));
    CHECK(connected.answer(R"({"do":"macros","stage":"helo","values":{"i":"x"}})") ==
          Json({{"done", true}}));
    CHECK(connected.answer(R"({"do":"body","text":"x"})") ==
          Json({{"reply", "none"}, {"why", "not-wanted"}}));
    CHECK(connected.answer(R"({"do":"header","name":"S","value":"v"})") ==
          Json({{"reply", "none"}, {"why", "no-reply"}}));
    CHECK(connected.answer(R"({"do":"helo","name":"x","wait":false})") ==
          Json({{"reply", "none"}, {"why", "not-waited"}}));
    CHECK(connected.answer(R"({"do":"packet"})")["code"] == "O");
}

TEST_CASE("milter commands: raw octets, and the end") {
    Connected connected(packet(Answer::proceed), brief);
    CHECK(connected.answer(R"({"do":"raw","base64":"AAAAAUE="})") == Json({{"done", true}}));
    CHECK(connected.answer(R"({"do":"packet"})") == Json({{"code", "c"}, {"payload", ""}}));
    CHECK(connected.answer(R"({"do":"packet"})")["kind"] == "timeout");
    CHECK(connected.answer(R"({"do":"closed"})")["kind"] == "timeout");
}

} // namespace
} // namespace sluice::mta
