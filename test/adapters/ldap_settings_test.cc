// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/ldap_settings.hh"

#include <doctest/doctest.h>

#include <string>

using namespace sluice;

#ifdef SLUICE_LDAP

TEST_CASE("ldap settings: what is no directory") {
    const char* const urls[] = {
        "",
        "ldap",
        "ldap:",
        "ldap://",
        "ldap:///",
        "ldap:///dc=x",
        "ldap://host",
        "ldap://host/",
        "ldap://host/??sub?(mail=%a)",
        "ldap://host?dc=x",
        "ldap://host:0/dc=x",
        "ldap://host:65536/dc=x",
        "ldap://host:x/dc=x",
        "ldap://::1/dc=x",
        "ldap://[::1/dc=x",
        "ldap://a,,b/dc=x",
        "ldap://a,/dc=x",
        "ldap://ho st/dc=x",
        "ldap://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a/dc=x",
        "ldap://cn=admin:secret@host/dc=x",
        "ldapi://%2Frun%2Fslapd%2Fldapi/dc=x",
        "LDAP://host/dc=x",
        "ldap://host/nonsense",
        "ldap://host/dc=x,,dc=y",
        "ldap://host/dc=%",
        "ldap://host/dc=%2",
        "ldap://host/dc=%zz",
        "ldap://host/dc=x%00",
        "ldap://host/dc=x?ma il",
        "ldap://host/dc=x?(mail=%25a)",
        "ldap://host/dc=x??all",
        "ldap://host/dc=x?\?(mail=%a)",
        "ldap://host/dc=x???mail=%a",
        "ldap://host/dc=x?\?\?(mail=%x)",
        "ldap://host/dc=x?\?\?(objectClass=*)",
        "ldap://host/dc=x??sub?(mail=%a)?",
        "ldap://host/dc=x??sub?(mail=%a)?bindname=cn=admin",
    };
    for (const char* const url : urls) {
        CAPTURE(url);
        const auto settings = LdapSettings::parse(url);
        CHECK_FALSE(settings.has_value());
        if (!settings) {
            CHECK_FALSE(settings.error().message.empty());
            CHECK(settings.error().message.find("secret") == std::string::npos);
        }
    }
}

TEST_CASE("ldap settings: read and written") {
    using Scope = LdapSettings::Scope;
    struct Case {
        const char* url;
        const char* written;
        const char* base;
        Scope scope;
        bool tls;
    };
    const Case cases[] = {
        {"ldap://LDAP.example/dc=x",
         "ldap://ldap.example:389/dc=x??sub?(|(mail=%a)(proxyAddresses=smtp:%a))", "dc=x",
         Scope::sub, false},
        {"ldaps://ldap.example/dc=x?\?\?(mail=%a)", "ldaps://ldap.example:636/dc=x??sub?(mail=%a)",
         "dc=x", Scope::sub, true},
        {"ldaps://[2001:db8::1],192.0.2.1:3269/dc=x?mail,cn;lang-en?ONE?(uid=%u)",
         "ldaps://[2001:db8::1]:636,192.0.2.1:3269/dc=x??one?(uid=%u)", "dc=x", Scope::one, true},
        {"ldap://a:1,b/ou=A%20B,dc=x??base?(mail=\\3f%a)",
         "ldap://a:1,b:389/ou=A%20B,dc=x??base?(mail=\\3f%a)", "ou=A B,dc=x", Scope::base, false},
        {"ldap://a/ou=A B,dc=x?\?\?(mail=%a)", "ldap://a:389/ou=A%20B,dc=x??sub?(mail=%a)",
         "ou=A B,dc=x", Scope::sub, false},
        {"ldap://a/ou=%C3%A4%3f%25,dc=x?\?\?(mail=%a@b)",
         "ldap://a:389/ou=%C3%A4%3F%25,dc=x??sub?(mail=%a@b)", "ou=\xc3\xa4?%,dc=x", Scope::sub,
         false},
    };
    for (const Case& c : cases) {
        CAPTURE(c.url);
        const auto settings = LdapSettings::parse(c.url);
        REQUIRE(settings.has_value());
        CHECK(settings->url() == c.written);
        CHECK(settings->base == c.base);
        CHECK(settings->scope == c.scope);
        CHECK((settings->security == LdapSettings::Security::tls) == c.tls);
        CHECK(LdapSettings::parse(settings->url()) == *settings);
    }
}

TEST_CASE("ldap settings: servers on this machine") {
    struct Case {
        const char* url;
        bool expected;
    };
    const Case cases[] = {
        {"ldap://ldap.example/dc=x", false},
        {"ldap://127.0.0.1,ldap.example/dc=x", false},
        {"ldap://128.0.0.1/dc=x", false},
        {"ldap://localhost.example/dc=x", false},
        {"ldap://127.0.0.2,[::1],LocalHost/dc=x", true},
    };
    for (const Case& c : cases) {
        CAPTURE(c.url);
        CHECK(LdapSettings::parse(c.url).value().onLoopback() == c.expected);
    }
}

#else

TEST_CASE("ldap settings: without the library a clear error") {
    const auto settings = LdapSettings::parse("ldap://ldap.example/dc=x");
    REQUIRE_FALSE(settings.has_value());
    CHECK(settings.error().message.find("libldap") != std::string::npos);
}

#endif
