// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/ldap_connection.hh"

#include <doctest/doctest.h>

using namespace sluice;

TEST_CASE("ldap connection: parts of Active Directory without recipients, and others") {
    struct Case {
        const char* url;
        bool expected;
    };
    const Case cases[] = {
        {"", false},
        {"nonsense", false},
        {"ldap://", false},
        {"ldap://test.example", false},
        {"ldap://test.example/", false},
        {"dc=domaindnszones,dc=test", false},
        {"ldap://child.test.example/DC=child,DC=test,DC=example", false},
        {"ldap://test.example/DC=x,DC=DomainDnsZones,DC=test", false},
        {"ldap://DC=DomainDnsZones,DC=test/dc=child,dc=test", false},
        {"ldap://test.example/DC=DomainDnsZonesX,DC=test", false},
        {"ldap://test.example/CN=Configurations,DC=test", false},
        {"ldap://DomainDnsZones.test.example/DC=DomainDnsZones,DC=test,DC=example", true},
        {"ldap://ForestDnsZones.test.example/dc=forestdnszones,dc=test,dc=example", true},
        {"ldaps://test.example:636/CN=Configuration,DC=test,DC=example??sub", true},
    };
    for (const Case& c : cases) {
        CAPTURE(c.url);
        CHECK(holdsNoRecipients(c.url) == c.expected);
    }
}
