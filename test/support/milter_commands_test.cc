// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/milter_commands.hh"
#include "test/support/scripted_filter.hh"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::mta {
namespace {

using namespace std::string_view_literals;

constexpr std::chrono::milliseconds ample{20'000};
constexpr std::chrono::milliseconds brief{30};

/// Commands on a connection to a filter that answers every packet the same.
struct Connected {
    explicit Connected(std::string answer, std::chrono::milliseconds limit = ample)
        : filter([answer = std::move(answer)](const Packet&) { return answer; }),
          commands(MilterClient(filter.takeClientSide(limit))) {}

    std::string answer(std::string_view command) { return commands.answer(command); }

    ScriptedFilter filter;
    MilterCommands commands;
};

bool isTrouble(std::string_view answer, std::string_view kind) {
    const bool saysWhy = answer.find(R"({"error":"")") == std::string_view::npos &&
                         answer.substr(0, 10) == R"({"error":")";
    const auto end = R"(","kind":")" + std::string(kind) + R"("})";
    return saysWhy && answer.size() > end.size() &&
           answer.substr(answer.size() - end.size()) == end;
}

TEST_CASE("milter commands: nothing goes without a connection") {
    MilterCommands commands;
    for (const auto command :
         {R"({"do":"helo","name":"x"})", R"({"do":"closed"})", R"({"do":"eom"})"}) {
        CAPTURE(command);
        CHECK(commands.answer(command) == R"({"error":"not connected","kind":"usage"})");
    }
    CHECK(isTrouble(commands.answer(R"({"do":"connect","socket":"tcp:1"})"), "usage"));
    CHECK(isTrouble(
        commands.answer(R"({"do":"connect","socket":"unix:/nonexistent/x","timeout-ms":600001})"),
        "usage"));
    CHECK(
        isTrouble(commands.answer(R"({"do":"connect","socket":"unix:/nonexistent/x"})"), "system"));
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
        CHECK(isTrouble(connected.answer(bad), "usage"));
    }
    CHECK(connected.answer(R"({"do":"helo","name":"x"})") == R"({"reply":"continue"})");
}

TEST_CASE("milter commands: replies") {
    struct Row {
        std::string octets;
        std::string_view answer;
    };
    const Row rows[] = {
        {packet(Answer::proceed), R"({"reply":"continue"})"},
        {packet(Answer::accept), R"({"reply":"accept"})"},
        {packet(Answer::reject), R"({"reply":"reject"})"},
        {packet(Answer::tempfail), R"({"reply":"tempfail"})"},
        {packet(Answer::discard), R"({"reply":"discard"})"},
        {packet(Answer::skip), R"({"reply":"skip"})"},
        {packet(Answer::shutdown), R"({"reply":"shutdown"})"},
        {packet(Answer::connectionFailure), R"({"reply":"connection-failure"})"},
        {packet(Answer::replyCode, "550 5.7.1 50%% no\0"sv),
         R"({"code":550,"enhanced":"5.7.1","line":"550 5.7.1 50%% no",)"
         R"("reply":"replycode","text":"50% no"})"},
        {packet(Answer::replyCode, "451 \xff\0"sv),
         R"({"code":451,"enhanced":"","line":{"base64":"NDUxIP8="},)"
         R"("reply":"replycode","text":{"base64":"/w=="}})"},
    };
    for (const auto& row : rows) {
        Connected connected(row.octets);
        CHECK(connected.answer(R"({"do":"rcpt","args":["<b@example.org>"]})") == row.answer);
    }
}

TEST_CASE("milter commands: edits") {
    struct Row {
        std::string octets;
        std::string_view edit;
    };
    const Row rows[] = {
        {packet(Answer::addHeader, "X-A\0\xff\0"sv),
         R"({"edit":"addheader","name":"X-A","value":{"base64":"/w=="}})"},
        {packet(Answer::insertHeader, "\0\0\0\1X-B\0b\0"sv),
         R"({"edit":"insheader","index":1,"name":"X-B","value":"b"})"},
        {packet(Answer::changeHeader, "\0\0\0\2X-C\0\0"sv),
         R"({"edit":"chgheader","index":2,"name":"X-C","value":""})"},
        {packet(Answer::changeSender, "<>\0RET=HDRS\0"sv),
         R"({"address":"<>","arguments":"RET=HDRS","edit":"chgfrom"})"},
        {packet(Answer::addRecipient, "<a@b>\0"sv), R"({"address":"<a@b>","edit":"addrcpt"})"},
        {packet(Answer::addRecipientWithArguments, "<a@b>\0NOTIFY=NEVER\0"sv),
         R"({"address":"<a@b>","arguments":"NOTIFY=NEVER","edit":"addrcpt_par"})"},
        {packet(Answer::deleteRecipient, "<c@d>\0"sv), R"({"address":"<c@d>","edit":"delrcpt"})"},
        {packet(Answer::replaceBody, "text"sv), R"({"chunk":"text","edit":"replacebody"})"},
        {packet(Answer::quarantine, "loop\0"sv), R"({"edit":"quarantine","reason":"loop"})"},
    };
    std::string all;
    std::string edits;
    for (const auto& row : rows) {
        all += row.octets;
        edits += (edits.empty() ? "" : ",") + std::string(row.edit);
    }
    Connected connected(all + packet(Answer::accept));
    CHECK(connected.answer(R"({"do":"eom"})") ==
          R"({"edits":[)" + edits + R"(],"reply":"accept"})");
}

TEST_CASE("milter commands: negotiation, silence and waiting") {
    Connected connected(packet('O', encodeNumber(6) + encodeNumber(1) + encodeNumber(0x90) +
                                        std::string("\0\0\0\5i\0"sv)));
    CHECK(connected.answer(R"({"do":"negotiate"})") ==
          R"({"actions":1,"macros":{"eom":"i"},"steps":144,"version":6})");
    CHECK(connected.answer(R"({"do":"macros","stage":"helo","values":{"i":"x"}})") ==
          R"({"done":true})");
    CHECK(connected.answer(R"({"do":"body","text":"x"})") ==
          R"({"reply":"none","why":"not-wanted"})");
    CHECK(connected.answer(R"({"do":"header","name":"S","value":"v"})") ==
          R"({"reply":"none","why":"no-reply"})");
    CHECK(connected.answer(R"({"do":"helo","name":"x","wait":false})") ==
          R"({"reply":"none","why":"not-waited"})");
    CHECK(connected.answer(R"({"do":"packet"})").substr(0, 10) == R"({"code":"O)");
}

TEST_CASE("milter commands: raw octets, and the end") {
    Connected connected(packet(Answer::proceed), brief);
    CHECK(connected.answer(R"({"do":"raw","base64":"AAAAAUE="})") == R"({"done":true})");
    CHECK(connected.answer(R"({"do":"packet"})") == R"({"code":"c","payload":""})");
    CHECK(isTrouble(connected.answer(R"({"do":"packet"})"), "timeout"));
    CHECK(isTrouble(connected.answer(R"({"do":"closed"})"), "timeout"));
}

} // namespace
} // namespace sluice::mta
