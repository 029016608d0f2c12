// SPDX-License-Identifier: BSD-2-Clause
#include "common/mail_address.hh"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <string_view>

using namespace sluice;
using namespace std::string_literals;
using namespace std::string_view_literals;

TEST_CASE("a path is split whatever it looks like") {
    struct {
        std::string path;
        std::string local;
        std::string domain;
    } const cases[] = {
        // junk: no spelling evades a pattern
        {"<", "", ""},
        {">", "", ""},
        {"<<a@b>>", "<a", "b>"},
        {"@", "", ""},
        {"<@b>", "", "b"},
        {"<a@>", "a", ""},
        {"a@b@c", "a@b", "c"},
        {"a@b>", "a", "b"},
        {"<a@b", "a", "b"},
        {" < a @ b > ", "a", "b"},
        {"a b@c", "a b", "c"},
        {"<a@b\0c>"s, "a", "b\0c"s},
        {"<a\r\n@b>", "a", "b"},
        {"<\xFF\xC4@b>", "\xFF\xC4", "b"},
        {"<a@\xFF.B>", "a", "\xFF.b"},
        // a quote that is not closed: the last @ counts
        {"<\"a@b>", "\"a", "b"},
        {"<\"a@b@C>", "\"a@b", "c"},
        {"<a\"@b\"@c\"@D>", "a\"@b\"@c\"", "d"},
        {"<\"a\\\"@b>", "\"a\\\"", "b"},
        {"<\">", "\"", ""},
        {"<\"user\"@b\">", "user", "b\""},
        // nor does a domain hide an @ by quoting it
        {"<a@\"@\">", "a@\"", "\""},
        {"<a@b\\@c>", "a@b\\", "c"},
        {"<\"a\"@\"x@y\".z>", "\"a\"@\"x", "y\".z"},
        // the null address
        {"", "", ""},
        {"<>", "", ""},
        {" <> ", "", ""},
        {"< >", "", ""},
        {"<\"\">", "", ""},
        // plain ones
        {"<user@example.org>", "user", "example.org"},
        {"user@example.org", "user", "example.org"},
        {"<User.Name@EXAMPLE.org.>", "user.name", "example.org"},
        {"<user@b\xC3\xBC"
         "cher.example>",
         "user", "xn--bcher-kva.example"},
        {"<Üser@example.org>", "\xC3\x9Cser", "example.org"},
        {"<user+Tag@example.org>", "user+tag", "example.org"},
        {"<user@[192.0.2.1]>", "user", "[192.0.2.1]"},
        {"<user@[IPv6:2001:DB8::1]>", "user", "[ipv6:2001:db8::1]"},
        {"<postmaster>", "postmaster", ""},
        {"<PostMaster>", "postmaster", ""},
        {"postmaster", "postmaster", ""},
        // quotes
        {"<\"user\"@example.org>", "user", "example.org"},
        {"<\"Ted Bremer\"@example.org>", "ted bremer", "example.org"},
        {"<\"a@b\"@c>", "a@b", "c"},
        {"<\"a@b\">", "a@b", ""},
        {"<\"a\\\"b\"@c>", "a\"b", "c"},
        {"<\"a\\\\\"@c>", "a\\", "c"},
        {"<\"\\u\\s\\er\"@c>", "user", "c"},
        {"<us\\er@c>", "user", "c"},
        {"<a\\@b@c>", "a@b", "c"},
        {"<\"us\"er@c>", "user", "c"},
        {"<u\"s\".\"e r\"@c>", "us.e r", "c"},
        {"<\"\"@c>", "", "c"},
        {"<\" user \"@c>", " user ", "c"},
        {"<\">\"@c>", ">", "c"},
        // source routes
        {"<@x:a@b>", "a", "b"},
        {"<@x,@y:a@b>", "a", "b"},
        {"<@X , @y : a@b>", "a", "b"},
        {"@x,@y:a@b", "a", "b"},
        {"<@[IPv6:2001:db8::1]:a@b>", "a", "b"},
        {"<@x:@y:a@b>", "a", "b"},
        {"<@x:\"a:b\"@c>", "a:b", "c"},
        {"<@x:postmaster>", "postmaster", ""},
        // what only resembles one
        {"<@x,@y>", "@x,", "y"},
        {"<@x:>", "", "x:"},
        {"<a:b@c>", "a:b", "c"},
        {"<x:@y:a@b>", "x:@y:a", "b"},
        {"<@\"x:y\"@c>", "@x:y", "c"},
        {"<@[x:a@b>", "@[x:a", "b"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.path);
        const auto address = MailAddress::fromPath(one.path);
        CHECK(address.local() == one.local);
        CHECK(address.domain() == one.domain);
        CHECK(address.isNull() == (one.local.empty() && one.domain.empty()));
    }
}

TEST_CASE("a hostile length costs time in proportion") {
    constexpr std::size_t size = 1 << 20;
    for (const auto c : {'@', '"', '\\', ':', '<', '+', '.', '\xC3'}) {
        const auto address = MailAddress::fromPath(std::string(size, c));
        CHECK(address.local().size() + address.domain().size() <= size);
    }
    std::string routes;
    while (routes.size() < size)
        routes += "@a:";
    CHECK(MailAddress::fromPath(routes + "b@c").key() == "b@c");
}

TEST_CASE("in the configuration an address has to be right") {
    struct {
        std::string text;
        std::string_view reason;
    } const cases[] = {
        {"", "no domain"},
        {"user", "no domain"},
        {"example.org", "no domain"},
        {"\"a@b\"", "no domain"},
        {"@", "local part is empty"},
        {"@example.org", "local part is empty"},
        {"\"\"@example.org", "local part is empty"},
        {"user@", "domain is empty"},
        {"user@.", "empty label"},
        {"user@a..b", "empty label"},
        {"user@exa mple.org", "is no domain"},
        {"user@example.org ", "is no domain"},
        {"user@example.org>", "is no domain"},
        {"<user@example.org>", "is no local part"},
        {"Ted Bremer@example.org", "is no local part"},
        {" user@example.org", "is no local part"},
        {"user @example.org", "is no local part"},
        {"a@b@c", "is no local part"},
        {"a,b@c", "is no local part"},
        {"a\\b@c", "is no local part"},
        {"a\0b@c"s, "is no local part"},
        {"\"a\nb\"@c", "is no local part"},
        {"\"a\\\nb\"@c", "is no local part"},
        {"@x:a@b", "is no local part"},
        {"\"user@example.org", "quote is not closed"},
        {"\"user\\\"@example.org", "quote is not closed"},
        {"user@[192.0.2.1", "no address literal"},
        {"user@[192.0.2.256]", "no address literal"},
        {"user@[2001:db8::1]", "no address literal"},
        {"user@[IPv6:192.0.2.1]", "no address literal"},
        {"user@[]", "no address literal"},
        {"user@[", "no address literal"},
        {"user@[IPv6:]", "no address literal"},
        {"user@[ipv6:", "no address literal"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        const auto address = MailAddress::parse(one.text);
        REQUIRE_FALSE(address);
        CAPTURE(address.error().message);
        CHECK(address.error().message.find(one.reason) != std::string::npos);
    }
    CHECK(MailAddress::parse("a\x1B").error().message.find("\"a\\x1B\"") == 0);
}

TEST_CASE("in the configuration an address is read as from an envelope") {
    for (const auto text :
         {"user@example.org"sv, "User@Example.ORG."sv, "\"user\"@example.org"sv,
          "\"Ted Bremer\"@example.org"sv, "\"a@b\"@c"sv, "\"a\\\"b\"@c"sv, "user+tag@example.org"sv,
          "user@bücher.example"sv, "\xC3\xBCser@example.org"sv, "a..b@example.org"sv,
          "user@[192.0.2.1]"sv, "user@[IPv6:2001:DB8::1]"sv, "a!#$%&'*+-/=?^_`{|}~@b"sv}) {
        CAPTURE(text);
        REQUIRE(MailAddress::parse(text));
        CHECK(*MailAddress::parse(text) == MailAddress::fromPath(text));
    }
}

TEST_CASE("different addresses have different keys") {
    CHECK(MailAddress().key() == "");
    CHECK(MailAddress("user", "example.org").key() == "user@example.org");
    CHECK(MailAddress("postmaster", "").key() == "postmaster@");
    CHECK(MailAddress("", "example.org").key() == "@example.org");
    CHECK(MailAddress::fromPath("<\"a@b\">").key() != MailAddress::fromPath("<a@b>").key());
    CHECK(MailAddress::fromPath("<\"User\"@D>") == MailAddress::fromPath("user@d."));
    CHECK(MailAddress::fromPath("<user@d>") != MailAddress::fromPath("<user@e>"));
    CHECK(MailAddress::fromPath("<user>") != MailAddress::fromPath("<user@d>"));
}

TEST_CASE("the text is quoted where RFC 5321 asks for it") {
    struct {
        MailAddress address;
        std::string_view text;
    } const cases[] = {
        {{}, ""},
        {{"user", "example.org"}, "user@example.org"},
        {{"user+tag", "example.org"}, "user+tag@example.org"},
        {{"a!#$%&'*+-/=?^_`{|}~", "b"}, "a!#$%&'*+-/=?^_`{|}~@b"},
        {{"\xC3\xBC", "b"}, "\xC3\xBC@b"},
        {{"ted bremer", "example.org"}, "\"ted bremer\"@example.org"},
        {{"a@b", "c"}, "\"a@b\"@c"},
        {{"a\"b", "c"}, "\"a\\\"b\"@c"},
        {{"a\\", "c"}, "\"a\\\\\"@c"},
        {{"a,b", "c"}, "\"a,b\"@c"},
        {{"", "c"}, "\"\"@c"},
        {{"postmaster", ""}, "postmaster"},
        {{"a@b", ""}, "\"a@b\""},
        {{"user", "[192.0.2.1]"}, "user@[192.0.2.1]"},
        // no command can be smuggled through an address
        {{"a\r\nDATA", "b"}, "\"a??DATA\"@b"},
        {{"a", "b\r\nDATA"}, "a@b??DATA"},
        {{"a\x7F", "b"}, "\"a?\"@b"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        CHECK(one.address.text() == one.text);
    }
}

TEST_CASE("the text of any local part reads back") {
    std::mt19937 random(5321);
    constexpr std::string_view alphabet = "aA.@\"\\ +<>:,;[]()\xC3\xFF*'";
    for (int round = 0; round < 20'000; ++round) {
        std::string local;
        for (auto left = random() % 8; left > 0; --left)
            local += alphabet[random() % alphabet.size()];
        const auto address = MailAddress::fromPath(
            MailAddress(local, random() % 4 == 0 ? "" : "example.org").text());
        if (address.local() != MailAddress::fromPath(address.text()).local())
            FAIL("does not read back: " << local);
    }
}

TEST_CASE("a tag belongs to the local part until it is taken off") {
    struct {
        std::string_view path;
        std::string_view stripped;
    } const cases[] = {
        {"user+tag@d", "user@d"},     {"user+a+b@d", "user@d"},
        {"user+@d", "user@d"},        {"user@d+e", "user@d+e"},
        {"+tag@d", "+tag@d"},         {"++tag@d", "++tag@d"},
        {"user@d", "user@d"},         {"<>", ""},
        {"\"ted b+x\"@d", "ted b@d"}, {"postmaster+x", "postmaster@"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.path);
        CHECK(MailAddress::fromPath(one.path).withoutExtension().key() == one.stripped);
    }
}
