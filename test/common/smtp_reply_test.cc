// SPDX-License-Identifier: BSD-2-Clause
#include "common/smtp_reply.hh"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

using namespace sluice;
using namespace std::string_view_literals;

namespace {

SmtpReply refusal(std::string_view text) {
    return SmtpReply::make<550, 5, 7, 1>(text);
}

} // namespace

TEST_CASE("no text can end the reply, add a line or leave ASCII") {
    struct {
        std::string_view text;
        std::string_view sent;
    } const cases[] = {
        {"a\r\n250 2.0.0 Ok", "a  250 2.0.0 Ok"},
        {"a\nb\rc", "a b c"},
        {"a\0b"sv, "a b"},
        {"\x1B[2J\x7F", " [2J?"},
        {"b\xC3\xBC"
         "cher",
         "b??cher"},
        {"\xFF", "?"},
        {"\t~", " ~"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        CHECK(refusal(one.text).text() == one.sent);
        CHECK(refusal(one.text).libmilterText() == one.sent);
    }
}

TEST_CASE("a percent sign is doubled for libmilter only") {
    const auto reply = refusal("100% %s %%");
    CHECK(reply.text() == "100% %s %%");
    CHECK(reply.libmilterText() == "100%% %%s %%%%");
}

TEST_CASE("a long text is cut, and never between two doubled percent signs") {
    constexpr std::size_t limit = SmtpReply::maxText;
    struct {
        std::string text;
        std::size_t kept;
        std::size_t sent;
    } const cases[] = {
        {std::string(limit, 'a'), limit, limit},
        {std::string(limit + 1, 'a'), limit, limit},
        {std::string(1 << 20, 'a'), limit, limit},
        {std::string(limit / 2, '%'), limit / 2, limit},
        {std::string(limit, '%'), limit / 2, limit},
        {"a" + std::string(limit, '%'), limit / 2, limit - 1},
        {std::string(limit - 1, 'a') + "%", limit - 1, limit - 1},
        {std::string(limit - 2, 'a') + "%b", limit - 1, limit},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text.size());
        const auto reply = refusal(one.text);
        CHECK(reply.text() == one.text.substr(0, one.kept));
        CHECK(reply.libmilterText().size() == one.sent);
    }
}

TEST_CASE("code, enhanced code and text make up the line") {
    const auto reply = SmtpReply::make<421, 4, 7, 0>("Too many messages");
    CHECK(reply.code() == 421);
    CHECK(reply.codeText() == "421");
    CHECK(reply.enhancedCode() == "4.7.0");
    CHECK_FALSE(reply.permanent());
    CHECK(reply.line() == "421 4.7.0 Too many messages");
    CHECK(refusal("x").permanent());
    CHECK(SmtpReply::make<554, 5, 4, 60>("x").enhancedCode() == "5.4.60");
}

TEST_CASE("replies are compared by value") {
    CHECK(refusal("a") == refusal("a"));
    CHECK(refusal("a") != refusal("b"));
    CHECK(refusal("a") != (SmtpReply::make<550, 5, 7, 2>("a")));
    CHECK(refusal("a") != (SmtpReply::make<554, 5, 7, 1>("a")));
}
