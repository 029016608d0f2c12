// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/milter_client.hh"
#include "test/support/scripted_filter.hh"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::mta {
namespace {

using namespace std::string_view_literals;

constexpr std::chrono::milliseconds ample{20'000};
constexpr std::chrono::milliseconds brief{30};

std::string optionAnswer(std::uint32_t version, std::uint32_t actions, std::uint32_t steps,
                         std::string_view macros = {}) {
    return packet('O', encodeNumber(version) + encodeNumber(actions) + encodeNumber(steps) +
                           std::string(macros));
}

/// Answers the negotiation with `options` and everything else with `answer`.
ScriptedFilter::Script script(std::string options, std::string answer = packet(Answer::proceed)) {
    return [options = std::move(options), answer = std::move(answer)](const Packet& received) {
        if (received.code == 'O')
            return options;
        const bool answered = std::string_view("DAQK").find(received.code) == std::string::npos;
        return answered ? answer : std::string();
    };
}

std::string codes(const std::vector<Packet>& packets) {
    std::string text;
    for (const auto& each : packets)
        text += each.code;
    return text;
}

/// A message with every step; the client's answers in their order.
std::vector<Reply> playMessage(MilterClient& client) {
    std::vector<Reply> replies;
    const auto keep = [&replies](const Outcome<Reply>& reply) {
        REQUIRE(reply.has_value());
        replies.push_back(*reply);
    };
    keep(client.connection("host.example", {ClientAddress::Family::inet, "192.0.2.1", 25}));
    keep(client.helo("host.example"));
    keep(client.mail({"<a@example.org>", "SIZE=10"}));
    keep(client.recipient({"<b@example.org>"}));
    keep(client.data());
    keep(client.unknown("XYZZY"));
    keep(client.header("Subject", "hello"));
    keep(client.endOfHeaders());
    keep(client.body("text\r\n"));
    const auto end = client.endOfMessage();
    REQUIRE(end.has_value());
    replies.push_back(end->reply);
    return replies;
}

TEST_CASE("milter client: answers to the offer that no filter may give") {
    const auto rows = {
        packet(Answer::proceed),
        packet('O', "\0\0\0\6\0\0\0\0"sv),
        optionAnswer(7, 0, 0),
        optionAnswer(1, 0, 0),
        optionAnswer(6, 0x200, 0),
        optionAnswer(6, 0, 0x200000),
        optionAnswer(6, 0, 0, "\0\0"sv),
        optionAnswer(6, 0, 0, "\0\0\0\2i"sv),
        optionAnswer(6, 0, 0, "\0\0\0\7i\0"sv),
    };
    for (const auto& answer : rows) {
        CAPTURE(answer);
        ScriptedFilter filter(script(answer));
        MilterClient client(filter.takeClientSide(ample));
        const auto negotiated = client.negotiate();
        REQUIRE_FALSE(negotiated.has_value());
        CHECK(negotiated.error().kind == Trouble::Kind::protocol);
        CHECK(client.negotiated().steps == 0);
    }
}

TEST_CASE("milter client: the offer, and what the filter makes of it") {
    ScriptedFilter filter(script(optionAnswer(6, 0x11, 0x80, "\0\0\0\2i {auth_authen}\0"sv)));
    {
        MilterClient client(filter.takeClientSide(ample));
        const auto negotiated = client.negotiate();
        REQUIRE(negotiated.has_value());
        CHECK(negotiated->actions == 0x11);
        CHECK(negotiated->steps == 0x80);
        CHECK(negotiated->macros.at(Stage::mail) == "i {auth_authen}");
    }
    CHECK(filter.received().at(0).payload == "\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"sv);
}

TEST_CASE("milter client: the packets of a whole session") {
    ScriptedFilter filter(script(optionAnswer(6, 0, 0)));
    {
        MilterClient client(filter.takeClientSide(ample));
        REQUIRE(client.negotiate());
        for (const auto& reply : playMessage(client))
            CHECK(reply.kind == Reply::Kind::proceed);
        REQUIRE(client.abort());
        REQUIRE(client.quitNewConnection());
        REQUIRE(client.quit());
    }
    const auto received = filter.received();
    REQUIRE(codes(received) == "OCHMRTULNBEAKQ");
    CHECK(received[1].payload == "host.example\0"
                                 "4\0\31"
                                 "192.0.2.1\0"sv);
    CHECK(received[2].payload == "host.example\0"sv);
    CHECK(received[3].payload == "<a@example.org>\0SIZE=10\0"sv);
    CHECK(received[4].payload == "<b@example.org>\0"sv);
    CHECK(received[6].payload == "XYZZY\0"sv);
    CHECK(received[7].payload == "Subject\0hello\0"sv);
    CHECK(received[9].payload == "text\r\n");
    CHECK(received[10].payload.empty());
}

TEST_CASE("milter client: families of the SMTP client") {
    struct Row {
        ClientAddress address;
        std::string_view payload;
    };
    const Row rows[] = {
        {{}, "h\0U"sv},
        {{ClientAddress::Family::local, "/run/x", 0}, "h\0L\0\0/run/x\0"sv},
        {{ClientAddress::Family::inet, "192.0.2.1", 0x1234},
         "h\0004\x12\x34"
         "192.0.2.1\0"sv},
        {{ClientAddress::Family::inet6, "2001:db8::1", 25},
         "h\0006\0\31"
         "2001:db8::1\0"sv},
    };
    for (const auto& row : rows) {
        ScriptedFilter filter(script({}));
        {
            MilterClient client(filter.takeClientSide(ample));
            REQUIRE(client.connection("h", row.address));
        }
        CHECK(filter.received().at(0).payload == row.payload);
    }
}

TEST_CASE("milter client: steps that the filter does not want are not sent") {
    struct Row {
        std::uint32_t steps;
        std::string_view sent;
    };
    const Row rows[] = {
        {steps::noConnect, "OHMRTULNBE"}, {steps::noHelo, "OCMRTULNBE"},
        {steps::noMail, "OCHRTULNBE"},    {steps::noRecipient, "OCHMTULNBE"},
        {steps::noData, "OCHMRULNBE"},    {steps::noUnknown, "OCHMRTLNBE"},
        {steps::noHeaders, "OCHMRTUNBE"}, {steps::noEndOfHeaders, "OCHMRTULBE"},
        {steps::noBody, "OCHMRTULNE"},    {0x37f, "OE"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.steps);
        ScriptedFilter filter(script(optionAnswer(6, 0, row.steps)));
        std::size_t silent = 0;
        {
            MilterClient client(filter.takeClientSide(ample));
            REQUIRE(client.negotiate());
            for (const auto& reply : playMessage(client)) {
                if (reply.kind == Reply::Kind::none && reply.silence == Reply::Silence::notWanted)
                    ++silent;
            }
        }
        const auto sent = codes(filter.received());
        CHECK(sent == row.sent);
        CHECK(sent.size() + silent == 11);
    }
}

TEST_CASE("milter client: steps that the filter does not answer are not waited for") {
    struct Row {
        std::uint32_t steps;
        std::string_view silent;
    };
    const Row rows[] = {
        {steps::silentConnect, "C"}, {steps::silentHelo, "H"},
        {steps::silentMail, "M"},    {steps::silentRecipient, "R"},
        {steps::silentData, "T"},    {steps::silentUnknown, "U"},
        {steps::silentHeader, "L"},  {steps::silentEndOfHeaders, "N"},
        {steps::silentBody, "B"},    {0xff080, "CHMRTULNB"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.silent);
        ScriptedFilter filter([&row](const Packet& received) {
            if (received.code == 'O')
                return optionAnswer(6, 0, row.steps);
            const bool silent = row.silent.find(received.code) != std::string_view::npos;
            return silent ? std::string() : packet(Answer::proceed);
        });
        MilterClient client(filter.takeClientSide(ample));
        REQUIRE(client.negotiate());
        std::size_t silent = 0;
        for (const auto& reply : playMessage(client)) {
            if (reply.kind == Reply::Kind::none && reply.silence == Reply::Silence::noReply)
                ++silent;
        }
        CHECK(silent == row.silent.size());
    }
}

TEST_CASE("milter client: macros are those that the filter listed") {
    ScriptedFilter filter(
        script(optionAnswer(6, 0, 0, "\0\0\0\2i, {auth_authen} {x}\0\0\0\0\1none\0"sv)));
    {
        MilterClient client(filter.takeClientSide(ample));
        REQUIRE(client.negotiate());
        const MilterClient::MacroValues values{
            {"i", "4X"}, {"{auth_authen}", "ann"}, {"x", "1"}, {"other", "2"}};
        REQUIRE(client.macros(Stage::mail, values));
        REQUIRE(client.macros(Stage::helo, values));
        REQUIRE(client.macros(Stage::recipient, values));
        REQUIRE(client.mail({"<>"}));
    }
    const auto received = filter.received();
    REQUIRE(codes(received) == "ODDM");
    CHECK(received[1].payload == "Mi\0"
                                 "4X\0{auth_authen}\0ann\0x\0"
                                 "1\0"sv);
    CHECK(received[2].payload == "Ri\0"
                                 "4X\0{auth_authen}\0ann\0x\0"
                                 "1\0{other}\0"
                                 "2\0"sv);
}

TEST_CASE("milter client: the blank in front of a header value") {
    struct Row {
        std::uint32_t steps;
        std::string_view plain;
        std::string_view written;
        std::string_view tight;
    };
    const Row rows[] = {
        {0, "S\0v\0"sv, "S\0\tv\0"sv, "S\0v\0"sv},
        {steps::headerLeadingSpace, "S\0 v\0"sv, "S\0\tv\0"sv, "S\0v\0"sv},
    };
    for (const auto& row : rows) {
        ScriptedFilter filter(script(optionAnswer(6, 0, row.steps)));
        {
            MilterClient client(filter.takeClientSide(ample));
            REQUIRE(client.negotiate());
            REQUIRE(client.header("S", "v"));
            REQUIRE(client.headerAsWritten("S", "\tv"));
            REQUIRE(client.headerAsWritten("S", "v"));
        }
        const auto received = filter.received();
        CHECK(received.at(1).payload == row.plain);
        CHECK(received.at(2).payload == row.written);
        CHECK(received.at(3).payload == row.tight);
    }
}

TEST_CASE("milter client: a body goes in chunks until the filter has had enough") {
    const std::string large(2 * bodyChunkLimit + 1, 'x');
    ScriptedFilter filter([](const Packet& received) {
        const bool enough = received.code == 'B' && received.payload.size() < bodyChunkLimit;
        return packet(enough ? Answer::skip : Answer::proceed);
    });
    {
        MilterClient client(filter.takeClientSide(ample));
        CHECK(client.body("")->silence == Reply::Silence::empty);
        CHECK(client.body(large)->kind == Reply::Kind::skip);
        CHECK(client.body("more")->silence == Reply::Silence::skipped);
        REQUIRE(client.endOfMessage());
        REQUIRE(client.mail({"<>"}));
        CHECK(client.body("more")->kind == Reply::Kind::skip);
    }
    const auto received = filter.received();
    REQUIRE(codes(received) == "BBBEMB");
    CHECK(received[1].payload.size() == bodyChunkLimit);
    CHECK(received[2].payload == "x");
}

TEST_CASE("milter client: edits at end of message, in their order, without progress") {
    ScriptedFilter filter([](const Packet&) {
        return packet(Answer::progress) + packet(Answer::insertHeader, "\0\0\0\0X-A\0one\0"sv) +
               packet(Answer::changeSender, "<c@example.org>\0RET=HDRS\0"sv) +
               packet(Answer::progress) + packet(Answer::deleteRecipient, "<b@example.org>\0"sv) +
               packet(Answer::replyCode, "451 4.3.0 later\0"sv);
    });
    MilterClient client(filter.takeClientSide(ample));
    const auto end = client.endOfMessage();
    REQUIRE(end.has_value());
    CHECK(end->reply.kind == Reply::Kind::replyCode);
    CHECK(end->reply.line == "451 4.3.0 later");
    REQUIRE(end->edits.size() == 3);
    CHECK(end->edits[0].kind == Edit::Kind::insertHeader);
    CHECK(end->edits[1].arguments == "RET=HDRS");
    CHECK(end->edits[2].value == "<b@example.org>");
}

TEST_CASE("milter client: what a filter must not send") {
    struct Row {
        std::string answer;
        Trouble::Kind kind;
    };
    const Row rows[] = {
        {packet(Answer::addHeader, "X\0v\0"sv), Trouble::Kind::protocol},
        {packet('?'), Trouble::Kind::protocol},
        {packet(Answer::progress), Trouble::Kind::timeout},
        {{}, Trouble::Kind::timeout},
    };
    for (const auto& row : rows) {
        CAPTURE(row.answer);
        ScriptedFilter filter([&row](const Packet&) { return row.answer; });
        MilterClient client(filter.takeClientSide(brief));
        const auto reply = client.helo("x");
        REQUIRE_FALSE(reply.has_value());
        CHECK(reply.error().kind == row.kind);
    }
    ScriptedFilter broken([](const Packet&) { return packet(Answer::addHeader, "X\0"sv); });
    MilterClient client(broken.takeClientSide(ample));
    CHECK(client.endOfMessage().error().kind == Trouble::Kind::protocol);
}

TEST_CASE("milter client: answers that are fetched later") {
    ScriptedFilter filter(script({}));
    MilterClient client(filter.takeClientSide(ample));
    client.setWaiting(false);
    CHECK(client.helo("x")->silence == Reply::Silence::notWaited);
    CHECK(client.mail({"<>"})->silence == Reply::Silence::notWaited);
    CHECK(client.endOfMessage()->reply.silence == Reply::Silence::notWaited);
    client.setWaiting(true);
    CHECK(client.awaitReply()->kind == Reply::Kind::proceed);
    CHECK(client.awaitReply()->kind == Reply::Kind::proceed);
    CHECK(client.awaitEndOfMessage()->reply.kind == Reply::Kind::proceed);
}

} // namespace
} // namespace sluice::mta
