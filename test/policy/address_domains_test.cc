// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/address_domains.hh"
#include "test/support/capture_value.hh"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

using sluice::addressDomains;

namespace {

/// Each domain as `[name]`, with its comments behind it; "none" where the text is no list.
std::string found(std::string_view value) {
    const auto domains = addressDomains(value);
    if (!domains)
        return "none";
    std::string text;
    for (const auto& each : *domains) {
        CHECK(each.begin < each.end);
        CHECK(each.end <= value.size());
        text += "[" + each.name + "]" + each.comments;
    }
    return text;
}

std::string repeated(const std::string& part, std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i)
        text += part;
    return text;
}

struct Case {
    std::string value;
    std::string expected;
};

} // namespace

TEST_CASE("what is no list of addresses has none") {
    const std::vector<Case> cases = {
        {" \"a@b.example", "none"},
        {" \"a\\\" <a@b.example>", "none"},
        {" (a@b.example", "none"},
        {" (a (b) <a@b.example>", "none"},
        {" a@b.example (\\)", "none"},
        {" <a@b.example", "none"},
        {" A <<a@b.example>>", "none"},
        {" <a@b.example> B", "none"},
        {" <a@b.example> <c@d.example>", "none"},
        {" <a@b.example>, c@d@e.example", "none"},
        {" a@b@c.example", "none"},
        {" <a@b@c.example>", "none"},
        {" @b.example", "none"},
        {" a@", "none"},
        {" <a@>", "none"},
        {" a b@c.example", "none"},
        {" a@b.example c", "none"},
        {" a@b .example c", "none"},
        {" a@\"b.example\"", "none"},
        {" a@[192.0.2.1", "none"},
        {" a@b[1].example", "none"},
        {" a@b.example)", "none"},
        {" a@b.example>", "none"},
        {" a\\@b@c.example", "none"},
        {" a:b:c@d.example;;", "none"},
        {" Friends: a@b.example", "none"},
        {" a@b.example;", "none"},
        {" Friends: a@b.example; c@d.example", "none"},
        {" <@a.example:@b.example:c@d.example>", "none"},
        {" <@a.example c@d.example>", "none"},
        {" <a@b.example, c@d.example>", "none"},
        {std::string(" a@b.example\0", 13), "none"},
        {std::string(" \"\0\" <a@b.example>", 18), "none"},
        {" a\x01@b.example", "none"},
        {" a@b.example\x7f", "none"},
        {" a@b.example\r", "none"},
        {" a@b.example\r\n", "none"},
        {" a@b.example,\nc@d.example", "none"},
        {" a@b.example,\n c@d.example", "none"},
        {" a@b.example,\r\nc@d.example", "none"},
        {" a@b.example,\r\r\n c@d.example", "none"},
    };
    for (const auto& [value, expected] : cases) {
        CAPTURE_VALUE(value);
        CHECK(found(value) == expected);
    }
}

TEST_CASE("the domains of addresses, and of nothing else") {
    const std::vector<Case> cases = {
        {"", ""},
        {" ", ""},
        {" <>", ""},
        {" Nobody <>", ""},
        {" root", ""},
        {" undisclosed-recipients:;", ""},
        {" <root>", ""},
        {" a@b.example", "[b.example]"},
        {"a@b.example", "[b.example]"},
        {" A@B.Example.", "[B.Example.]"},
        {" A <a@b.example>", "[b.example]"},
        {" A. B. C <a@b.example>", "[b.example]"},
        {" \"a@x.example\" <a@b.example>", "[b.example]"},
        {" \"a \\\" b@x.example\" <a@b.example>", "[b.example]"},
        {" a@x.example <a@b.example>", "[b.example]"},
        {" a@x.example (b@y.example) c@z.example <a@b.example>", "[b.example]"},
        {" [Case 7] \xe4\xff\xc3\xa4 <a@b.example>", "[b.example]"},
        {" =?utf-8?q?x=40y=2Eexample?= <a@b.example>", "[b.example]"},
        {" =?utf-8?q?x@y.example?= <a@b.example>", "[b.example]"},
        {" a@b.example (a@x.example)", "[b.example]"},
        {" (a@x.example (b@y.example)) a@b.example", "[b.example]"},
        {" (\\)a@x.example) a@b.example", "[b.example]"},
        {" \"a@x.example\"@b.example", "[b.example]"},
        {" \"a\".\"b\"@c.example", "[c.example]"},
        {" a..b.@c.example", "[c.example]"},
        {" a@b.example, , C <c@d.example>,", "[b.example][d.example]"},
        {" a@b.example,\r\n\tC\r\n <c@d.example>", "[b.example][d.example]"},
        {" Friends: a@b.example, C <c@d.example>;, e@f.example",
         "[b.example][d.example][f.example]"},
        {" Friends of x@y: a@b.example;", "none"},
        {" Friends:;, a@b.example", "[b.example]"},
        {" \"x@y\": a@b.example;", "[b.example]"},
        {" <@x.example,@y.example:a@b.example>", "[b.example]"},
        {" <@[IPv6:::1]:a@b.example>", "[b.example]"},
        {" < (x) a (y) @ (z) b.example (w) >", "[b.example]"},
        {" a @ b . example", "[b.example]"},
        {" a@b(one).(t(w)o)example(three)", "[b.example](one)(t(w)o)"},
        {" a@b\r\n .example", "[b.example]"},
        {" a@[192.0.2.1]", "[[192.0.2.1]]"},
        {" <a@[IPv6:2001:db8::1]>, c@d.example", "[[IPv6:2001:db8::1]][d.example]"},
        {" a@b\xc3\xbc.example", "[b\xc3\xbc.example]"},
    };
    for (const auto& [value, expected] : cases) {
        CAPTURE_VALUE(value);
        CHECK(found(value) == expected);
    }
}

TEST_CASE("where a domain stands") {
    const std::string value = " Ted (x) <t@ one.example (y) . two >, u@three.example";
    const auto domains = addressDomains(value);
    REQUIRE(domains);
    REQUIRE(domains->size() == 2);
    const auto part = [&](std::size_t i) {
        return value.substr(domains->at(i).begin, domains->at(i).end - domains->at(i).begin);
    };
    CHECK(part(0) == "one.example (y) . two");
    CHECK(part(1) == "three.example");
}

TEST_CASE("depth and length need neither stack nor patience") {
    const std::string deep = repeated("(", 10'000) + "x@y.example" + repeated(")", 10'000);
    CHECK(found(deep + " a@b.example " + deep) == "[b.example]");
    CHECK(found(deep.substr(1) + " a@b.example") == "none");
    CHECK(found(std::string(sluice::longestAddressField - 10, 'x') + "@b.example") != "none");
    CHECK(found(std::string(sluice::longestAddressField, 'x') + "@b.example") == "none");
    const std::size_t many = sluice::longestAddressField / 16;
    const auto start = std::chrono::steady_clock::now();
    for (const char* const part :
         {"(",    "<",  "\"",  "[",     ":",       ";",      "@",      ",",
          "\\",   ".",  "a@",  "a:",    "a@b,",    "<a@b>,", "a@(x)b", "()",
          "\"\"", "@[", "@[]", "\r\n ", "a@b.(x)", "<@a",    "<@a,"})
        CHECK_NOTHROW(addressDomains(repeated(part, many)));
    CHECK(addressDomains(repeated("a@b.example,", 5000))->size() == 5000);
    CHECK(addressDomains("a@b" + repeated(".(x)b", many / 2))->size() == 1);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
}
