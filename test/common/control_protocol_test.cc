// SPDX-License-Identifier: BSD-2-Clause
#include "common/control_protocol.hh"

#include <doctest/doctest.h>

#include <string>

using sluice::control::armour;
using sluice::control::disarm;
using sluice::control::parseReply;
using sluice::control::parseRequest;
using sluice::control::Reply;
using sluice::control::Request;
using sluice::control::textOf;

TEST_CASE("requests that are none are refused") {
    const std::string deep = std::string(30'000, '[') + std::string(30'000, ']');
    for (const std::string& text :
         {std::string(), std::string("status"), std::string("[]"), std::string("{"),
          std::string("{}"), std::string(R"({"command":1})"), std::string(R"({"command":null})"),
          std::string(R"({"command":"a","arguments":[]})"),
          std::string(R"({"command":"a","arguments":{"b":1}})"),
          std::string("{\"command\":\"\xff\"}"), std::string(R"({"command":"a"}{})"), deep,
          "{\"command\":\"a\",\"arguments\":" + deep + "}"}) {
        CAPTURE(text);
        CHECK_FALSE(parseRequest(text));
    }
}

TEST_CASE("a request comes out as it went in") {
    for (const Request& request :
         {Request{"status"}, Request{"loops clear", {{"id", "0123"}}},
          Request{"bounces", {{"list", "a \"b\" \n\t\\@x"}, {"", "\xc3\xa9"}}}}) {
        const std::string text = textOf(request);
        CAPTURE(text);
        CHECK(text.find('\n') == std::string::npos);
        const auto read = parseRequest(text);
        REQUIRE(read);
        CHECK(*read == request);
    }
}

TEST_CASE("what is not UTF-8 is replaced") {
    const auto read = parseRequest(textOf(Request{"a\xff"}));
    REQUIRE(read);
    CHECK(read->command == "a\xef\xbf\xbd");
}

TEST_CASE("replies") {
    CHECK(parseReply("{\"result\":" + std::string(30'000, '[') + std::string(30'000, ']') + "}"));
    CHECK_FALSE(parseReply(""));
    CHECK_FALSE(parseReply("{}"));
    CHECK_FALSE(parseReply("[1]"));
    CHECK_FALSE(parseReply(R"({"error":1})"));
    const auto refused = parseReply(textOf(Reply{"no"}));
    REQUIRE(refused);
    CHECK(refused->error == "no");
    const auto done = parseReply(textOf(Reply{"", {{"cleared", 3}}}));
    REQUIRE(done);
    CHECK(done->error.empty());
    CHECK(done->result["cleared"] == 3);
}

TEST_CASE("octets in a text") {
    for (const char* const wrong : {"YQ", "YQ=", "Y", "YQ==YQ==", "Y Q=", "YQ-_", "YR=="}) {
        CAPTURE(wrong);
        CHECK_FALSE(disarm(wrong));
    }
    CHECK(armour("") == "");
    CHECK(disarm("") == "");
    for (const std::string& octets : {std::string("a"), std::string("\0\r\n\xff", 4)}) {
        CAPTURE(octets);
        CHECK(disarm(armour(octets)).value() == octets);
    }
    CHECK(armour("a") == "YQ==");
}
