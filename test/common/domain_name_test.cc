// SPDX-License-Identifier: BSD-2-Clause
#include "common/domain_name.hh"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace sluice;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

const std::string label63(63, 'a');
const std::string name253 = label63 + '.' + label63 + '.' + label63 + '.' + std::string(61, 'a');

} // namespace

TEST_CASE("what can be no domain is refused, and the reason is named") {
    struct {
        std::string text;
        std::string_view reason;
    } const cases[] = {
        {"", "empty"},
        {".", "empty label"},
        {"..", "empty label"},
        {".example.org", "empty label"},
        {"example..org", "empty label"},
        {"example.org..", "empty label"},
        {"exa mple.org", "characters"},
        {" example.org", "characters"},
        {"example.org\n", "characters"},
        {"example.org\0"s, "characters"},
        {"user@example.org", "characters"},
        {"*.example.org", "characters"},
        {"[192.0.2.1]", "characters"},
        {"example.org:25", "characters"},
        {label63 + "a.example", "label of more than 63"},
        {name253 + "a", "more than 253"},
        {std::string(100'000, 'a'), "more than 253"},
        {"b\xFC"
         "cher.example",
         "is no domain"},
        {"b\xC3\xBC\0.example"s, "is no domain"},
        {"b\xC3\xBC..example", "is no domain"},
        {"b\xC3\xBC x.example", "is no domain"},
        {std::string(100'000, '\xC3'), "is no domain"},
        // a wide @ would make another address of it
        {"evil\xEF\xBC\xA0"
         "example.org",
         "is no domain"},
        {"a\xE2\x80\xAE.example", "is no domain"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        const auto domain = parseDomain(one.text);
        REQUIRE_FALSE(domain);
        CAPTURE(domain.error().message);
        CHECK(domain.error().message.find(one.reason) != std::string::npos);
    }
    CHECK(parseDomain("a\x1B").error().message.find("\"a\\x1B\"") == 0);
}

TEST_CASE("domains are compared in ASCII, in lower case, without a trailing dot") {
    struct {
        std::string text;
        std::string_view canonical;
    } const cases[] = {
        {"example.org", "example.org"},
        {"Example.ORG", "example.org"},
        {"example.org.", "example.org"},
        {"localhost", "localhost"},
        {"_dmarc.example.org", "_dmarc.example.org"},
        {"a-1.example", "a-1.example"},
        {name253, name253},
        {name253 + '.', name253},
        {"bücher.example", "xn--bcher-kva.example"},
        {"BÜCHER.Example.", "xn--bcher-kva.example"},
        {"XN--BCHER-KVA.example", "xn--bcher-kva.example"},
        // u and a combining diaeresis
        {"bu\xCC\x88"
         "cher.example",
         "xn--bcher-kva.example"},
        {"straße.example", "xn--strae-oqa.example"},
        {"例え.テスト", "xn--r8jz45g.xn--zckzah"},
        // an ideographic full stop separates labels too
        {"b\xC3\xBC"
         "cher\xE3\x80\x82"
         "example\xE3\x80\x82",
         "xn--bcher-kva.example"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        CHECK(canonicalDomain(one.text) == one.canonical);
        REQUIRE(parseDomain(one.text));
        CHECK(*parseDomain(one.text) == one.canonical);
    }
}

TEST_CASE("what is no valid name comes back in lower case") {
    struct {
        std::string text;
        std::string canonical;
    } const cases[] = {
        {"", ""},
        {".", "."},
        {"A..B", "a..b"},
        {"A..", "a"},
        {"..", "."},
        {"B\xE3\x80\x82", "b"}, // the full stop of East Asia
        {"A B", "a b"},
        {"A\0B"s, "a\0b"s},
        {"[IPv6:2001:DB8::1]", "[ipv6:2001:db8::1]"},
        {"[192.0.2.1]", "[192.0.2.1]"},
        {"B\xFC"
         "CHER.Example.",
         "b\xFC"
         "cher.example"},
        {"B\xC3\xBC\0"s, "b\xC3\xBC\0"s},
        {"EVIL\xEF\xBC\xA0"
         "Example.org",
         "evil\xEF\xBC\xA0"
         "example.org"},
        {std::string(100'000, 'A'), std::string(100'000, 'a')},
        {std::string(100'000, '\xC3'), std::string(100'000, '\xC3')},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text.size());
        CHECK(canonicalDomain(one.text) == one.canonical);
    }
}

TEST_CASE("a canonical domain is its own canonical form") {
    for (const auto text : {"bücher.example"sv, "Example.ORG."sv, "A..B"sv, "[IPv6:::1]"sv,
                            "evil\xEF\xBC\xA0x.example"sv, "\xFF.Example"sv, "club..."sv,
                            "a\xE3\x80\x82\xE3\x80\x82"sv}) {
        const std::string once = canonicalDomain(text);
        CHECK(canonicalDomain(once) == once);
    }
}
