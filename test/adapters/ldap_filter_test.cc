// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/ldap_filter.hh"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace sluice;
using namespace std::string_view_literals;

TEST_CASE("ldap filter: what is none") {
    const std::string_view filters[] = {
        "",
        "mail=%a",
        "(mail=%a",
        "(mail=%a))",
        "(mail=%a)(mail=%a)",
        "()",
        "(%a)",
        "(=%a)",
        "(%u=x)",
        "(mail%a)",
        "(mail>%a)",
        "(ma il=%a)",
        "(mail=(%a))",
        "(mail=\\%a)",
        "(mail=%a\\2)",
        "(mail=%a\\2g)",
        "(mail=%a\0)"sv,
        "(&)",
        "(&(mail=%a)mail=x)",
        "(!(mail=%a)(mail=%a))",
        "(!)",
        "(|(mail=%a)",
        " (mail=%a)",
        "(mail=%a)%",
        "(mail=%)",
        "(mail=%s)",
        "(mail=%A)",
        "(mail=%2a)",
        "(mail=%a%x)",
        // these would know everybody
        "(objectClass=person)",
        "(mail=%d)",
        "(mail=%%a)",
    };
    for (const std::string_view filter : filters) {
        CAPTURE(filter);
        const auto parsed = LdapFilter::parse(filter);
        CHECK_FALSE(parsed.has_value());
        if (!parsed)
            CHECK_FALSE(parsed.error().message.empty());
    }
}

TEST_CASE("ldap filter: it cannot be so deep that reading it ends the program") {
    const auto nested = [](std::size_t depth) {
        std::string text;
        for (std::size_t i = 0; i < depth; ++i)
            text += "(!";
        return text + "(mail=%a)" + std::string(depth, ')');
    };
    CHECK(LdapFilter::parse(nested(10)).has_value());
    CHECK_FALSE(LdapFilter::parse(nested(100'000)).has_value());
}

TEST_CASE("ldap filter: an address in its places") {
    struct Case {
        std::string_view filter;
        std::string_view path;
        std::string_view expected;
    };
    const Case cases[] = {
        {LdapFilter::usual, "<Ann@Test.Example>",
         "(|(mail=ann@test.example)(proxyAddresses=smtp:ann@test.example))"},
        {"(&(uid=%u)(associatedDomain=%d))", "ann@test.example",
         "(&(uid=ann)(associatedDomain=test.example))"},
        {"(cn=100%%%u)", "ann@test.example", "(cn=100%ann)"},
        {"(!(mail~=%a))", "ann@test.example", "(!(mail~=ann@test.example))"},
        {"(cn:dn:2.5.13.5:=%u)", "ann@test.example", "(cn:dn:2.5.13.5:=ann)"},
        {"(mail;lang-en=*\\2a%a*)", "ann@test.example", "(mail;lang-en=*\\2aann@test.example*)"},
        {"(mail=%a)", "*@test.example", "(mail=\\2a@test.example)"},
        {"(mail=%a)", "a)(b=*@test.example", "(mail=\\22a\\29\\28b\\3d\\2a\\22@test.example)"},
        {"(mail=%u)", "\"a\\\\b\"@test.example", "(mail=a\\5cb)"},
        {"(mail=%u)", "\"a\0b\"@test.example"sv, "(mail=a\\00b)"},
        {"(mail=%u)", "%a%d@test.example", "(mail=\\25a\\25d)"},
        {"(mail=%u)", "\xc3\xa4@test.example", "(mail=\\c3\\a4)"},
        {"(mail=%u)", "\xff@test.example", "(mail=\\ff)"},
        {"(mail=%a)", "\"ted bremer\"@test.example", "(mail=\\22ted\\20bremer\\22@test.example)"},
        {"(mail=%a)", "<>", "(mail=)"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.filter);
        CAPTURE(c.path);
        const auto filter = LdapFilter::parse(c.filter);
        REQUIRE(filter.has_value());
        CHECK(filter->text() == c.filter);
        CHECK(filter->of(MailAddress::fromPath(c.path)) == c.expected);
    }
}

TEST_CASE("ldap filter: each octet is itself or escaped") {
    for (int octet = 0; octet < 256; ++octet) {
        CAPTURE(octet);
        const std::string escaped = escapedForFilter(std::string(1, static_cast<char>(octet)));
        const bool plain = escaped.size() == 1 && escaped[0] == static_cast<char>(octet);
        CHECK((plain || escaped.size() == 3));
        if (std::string_view("*()\\\0=&|!<>~:\"%,;# \x7f", 21).find(static_cast<char>(octet)) !=
            std::string_view::npos)
            CHECK_FALSE(plain);
    }
}
