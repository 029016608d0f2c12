// SPDX-License-Identifier: BSD-2-Clause
#include "common/address_pattern.hh"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace sluice;
using namespace std::string_literals;
using Kind = AddressPattern::Kind;

namespace {

constexpr CivilDay today{20'000};
constexpr CivilDay yesterday{19'999};

AddressPattern pattern(std::string_view text) {
    const auto parsed = AddressPattern::parse(text);
    REQUIRE_MESSAGE(parsed, text);
    return *parsed;
}

PatternSet setOf(const std::vector<std::pair<std::string_view, EntryAttributes>>& entries) {
    PatternSet set;
    for (const auto& [text, attributes] : entries)
        set.add(pattern(text), attributes);
    return set;
}

/// The pattern that is found, or "-".
std::string found(const PatternSet& set, std::string_view path, CivilDay day = today) {
    const auto match = set.find(MailAddress::fromPath(path), day);
    CHECK(set.contains(MailAddress::fromPath(path), day) == match.has_value());
    return match ? match->pattern.text() : "-";
}

} // namespace

TEST_CASE("what is no pattern is refused") {
    const std::string cases[] = {
        "",
        " ",
        "@",
        "@.",
        "*@",
        "@@",
        "user",
        "*",
        "example.org",
        "*.example.org",
        "<",
        ">",
        "< >",
        "<@>",
        "<user@example.org>",
        "@a..b",
        "@.a..b",
        "@..a",
        "@a b",
        "@*.example.org",
        "*@.",
        "*@.a.org",
        "@.[::1]",
        "@.[192.0.2.1]",
        "user@a b",
        "a b@c",
        "a b@",
        "a@b@",
        "\"a@",
        "\"a@b",
        "\"\"@",
        "\"\"@b",
        "user@.a",
        " user@a",
        "user@a ",
        "user@\0"s,
        "@a\0"s,
        "us\0er@"s,
        "@[192.0.2.1",
        "@/etc/table",
        "a@b,c@d",
        "user@b\xFC.example",
    };
    for (const std::string& text : cases) {
        CAPTURE(text);
        const auto parsed = AddressPattern::parse(text);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().message.find("is no address pattern: ") != std::string::npos);
    }
}

TEST_CASE("patterns of all five kinds are read and written") {
    struct {
        std::string_view text;
        Kind kind;
        std::string_view key;
        std::string_view written;
    } const cases[] = {
        {"User@Example.ORG.", Kind::address, "user@example.org", "user@example.org"},
        {"\"user\"@example.org", Kind::address, "user@example.org", "user@example.org"},
        {"\"Ted Bremer\"@d", Kind::address, "ted bremer@d", "\"ted bremer\"@d"},
        {"\"a@b\"@c", Kind::address, "a@b@c", "\"a@b\"@c"},
        {"\"*\"@d", Kind::address, "*@d", "\"*\"@d"},
        {"user+tag@d", Kind::address, "user+tag@d", "user+tag@d"},
        {"a@bücher.example", Kind::address, "a@xn--bcher-kva.example", "a@xn--bcher-kva.example"},
        {"*@Example.org", Kind::domain, "example.org", "@example.org"},
        {"@Example.org.", Kind::domain, "example.org", "@example.org"},
        {"@bücher.example", Kind::domain, "xn--bcher-kva.example", "@xn--bcher-kva.example"},
        {"@[IPv6:2001:DB8::1]", Kind::domain, "[ipv6:2001:db8::1]", "@[ipv6:2001:db8::1]"},
        {"@.Example.org", Kind::domainAndBelow, "example.org", "@.example.org"},
        {"@.org", Kind::domainAndBelow, "org", "@.org"},
        {"User@", Kind::localPart, "user", "user@"},
        {"\"Ted Bremer\"@", Kind::localPart, "ted bremer", "\"ted bremer\"@"},
        {"\"a@b\"@", Kind::localPart, "a@b", "\"a@b\"@"},
        {"\"*\"@", Kind::localPart, "*", "\"*\"@"},
        {"<>", Kind::blank, "", "<>"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        const auto parsed = pattern(one.text);
        CHECK(parsed.kind == one.kind);
        CHECK(parsed.key == one.key);
        CHECK(parsed.text() == one.written);
        CHECK(pattern(one.written).kind == one.kind);
        CHECK(pattern(one.written).key == one.key);
    }
}

TEST_CASE("a pattern matches what it says, alone and in a set") {
    struct {
        std::string_view pattern;
        std::string_view path;
        bool matches;
    } const cases[] = {
        {"user@example.org", "<USER@Example.org.>", true},
        {"user@example.org", "<\"user\"@example.org>", true},
        {"user@example.org", "<\"us\\er\"@example.org>", true},
        {"user@example.org", "<@relay.example:user@example.org>", true},
        {"user@example.org", "<user+tag@example.org>", false},
        {"user@example.org", "<user@sub.example.org>", false},
        {"user@example.org", "<auser@example.org>", false},
        {"user@example.org", "<user>", false},
        {"user@example.org", "<>", false},
        {"a@b", "<\"a@b\">", false},
        {"\"a@b\"@c", "<\"a@b\"@c>", true},
        {"\"a@b\"@c", "<a@b@c>", true},
        {"\"*\"@example.org", "<user@example.org>", false},
        {"@example.org", "<user@EXAMPLE.org>", true},
        {"@example.org", "<@example.org>", true},
        {"@example.org", "<user@sub.example.org>", false},
        {"@example.org", "<user@badexample.org>", false},
        {"@example.org", "<example.org>", false},
        {"*@bücher.example", "<user@xn--bcher-kva.example>", true},
        {"@xn--bcher-kva.example", "<user@BÜCHER.example>", true},
        {"@.example.org", "<user@example.org>", true},
        {"@.example.org", "<user@sub.example.org>", true},
        {"@.example.org", "<user@a.b.sub.example.org>", true},
        {"@.example.org", "<user@badexample.org>", false},
        {"@.example.org", "<user@example.org.evil>", false},
        {"@.example.org", "<user@org>", false},
        {"@.example.org", "<>", false},
        {"@.example.org", "<user>", false},
        {"user@", "<user@example.org>", true},
        {"user@", "<User@other.example>", true},
        {"user@", "<user>", true},
        {"user@", "<user+tag@example.org>", false},
        {"user@", "<\"user \"@example.org>", false},
        {"user@", "<>", false},
        {"postmaster@", "<postmaster>", true},
        {"<>", "<>", true},
        {"<>", "", true},
        {"<>", "<user@example.org>", false},
        {"<>", "<postmaster>", false},
        {"<>", "<@example.org>", false},
    };
    for (const auto& one : cases) {
        CAPTURE(one.pattern);
        CAPTURE(one.path);
        CHECK(pattern(one.pattern).matches(MailAddress::fromPath(one.path)) == one.matches);
        CHECK((found(setOf({{one.pattern, {}}}), one.path) != "-") == one.matches);
    }
}

TEST_CASE("an empty set matches nothing") {
    const PatternSet set;
    CHECK(set.empty());
    for (const auto* path : {"<>", "<user@example.org>", "<postmaster>"})
        CHECK(found(set, path) == "-");
}

TEST_CASE("the most specific pattern is found") {
    const PatternSet set = setOf({{"@.org", {}},
                                  {"@.example.org", {}},
                                  {"@example.org", {}},
                                  {"@.sub.example.org", {}},
                                  {"user@", {}},
                                  {"user@example.org", {}},
                                  {"<>", {}}});
    CHECK(set.size() == 7);
    CHECK(found(set, "<user@example.org>") == "user@example.org");
    CHECK(found(set, "<user@sub.example.org>") == "user@");
    CHECK(found(set, "<other@example.org>") == "@example.org");
    CHECK(found(set, "<other@x.example.org>") == "@.example.org");
    CHECK(found(set, "<other@sub.example.org>") == "@.sub.example.org");
    CHECK(found(set, "<other@x.sub.example.org>") == "@.sub.example.org");
    CHECK(found(set, "<other@other.org>") == "@.org");
    CHECK(found(set, "<other@example.net>") == "-");
    CHECK(found(set, "<>") == "<>");
}

TEST_CASE("an expired pattern gives way to the next one") {
    const PatternSet set = setOf({{"user@example.org", {yesterday, "a"}},
                                  {"user@", {yesterday, "b"}},
                                  {"@example.org", {yesterday, "c"}},
                                  {"@.example.org", {today, "d"}},
                                  {"<>", {yesterday, "e"}}});
    CHECK(found(set, "<user@example.org>") == "@.example.org");
    CHECK(found(set, "<user@example.org>", yesterday) == "user@example.org");
    CHECK(found(set, "<user@example.org>", CivilDay{20'001}) == "-");
    CHECK(found(set, "<user@other.example>") == "-");
    CHECK(found(set, "<user@other.example>", yesterday) == "user@");
    CHECK(found(set, "<>") == "-");
    CHECK(found(set, "<>", yesterday) == "<>");
    CHECK(set.find(MailAddress::fromPath("a@example.org"), today)->attributes ==
          EntryAttributes{today, "d"});
}

TEST_CASE("a pattern that is added again keeps the attributes that last longer") {
    const EntryAttributes forEver{{}, "for ever"};
    const EntryAttributes early{yesterday, "early"};
    const EntryAttributes late{today, "late"};
    struct {
        std::vector<EntryAttributes> added;
        EntryAttributes kept;
    } const cases[] = {
        {{early, late}, late},
        {{late, early}, late},
        {{early, forEver, late}, forEver},
        {{forEver, {{}, "second"}}, forEver},
    };
    for (const auto& [added, kept] : cases)
        for (const auto* text : {"user@d", "@d", "@.d", "user@", "<>"}) {
            CAPTURE(text);
            PatternSet set;
            for (const EntryAttributes& attributes : added)
                set.add(pattern(text), attributes);
            CHECK(set.size() == 1);
            const auto* path = std::string_view(text) == "<>" ? "<>" : "user@d";
            CHECK(set.find(MailAddress::fromPath(path), yesterday)->attributes == kept);
        }
}

TEST_CASE("a name of very many labels, or a very long address, is looked up as others are") {
    const PatternSet set = setOf({{"@.example.org", {}}, {"user@example.org", {}}});
    std::string labels;
    while (labels.size() < 200'000)
        labels += "a.";
    CHECK(found(set, "x@" + labels + "example.org") == "@.example.org");
    CHECK(found(set, "x@" + labels + "example.net") == "-");
    CHECK(found(set, std::string(200'000, 'a') + "@example.net") == "-");

    for (std::size_t size = 300; size < 500; ++size) {
        const std::string address = std::string(size, 'a') + "@example.org";
        PatternSet one;
        one.add(pattern(address));
        CHECK(found(one, address) == address);
    }
}

TEST_CASE("a set that is moved keeps its patterns") {
    PatternSet first = setOf({{"@example.org", {today, "note"}}});
    PatternSet second = std::move(first);
    first = setOf({{"user@", {}}});
    CHECK(found(first, "<user@example.org>") == "user@");
    CHECK(found(second, "<user@example.org>") == "@example.org");
}

TEST_CASE("a set matches when one of its patterns does") {
    std::mt19937 random(4711);
    const std::vector<std::string_view> locals{"a", "b", "a+b", "\"a b\"", "*"};
    const std::vector<std::string_view> domains{"d", "e", "c.d", "b.c.d", "xc.d", "d.e"};
    const auto any = [&random](const auto& list) {
        return std::string(list[random() % list.size()]);
    };
    for (int round = 0; round < 300; ++round) {
        std::vector<AddressPattern> patterns;
        PatternSet set;
        for (auto left = random() % 5; left > 0; --left) {
            const std::string forms[] = {any(locals) + "x@" + any(domains),
                                         any(locals) + '@',
                                         '@' + any(domains),
                                         "@." + any(domains),
                                         "<>",
                                         "a@" + any(domains)};
            const auto parsed = AddressPattern::parse(forms[random() % std::size(forms)]);
            if (!parsed)
                continue;
            patterns.push_back(*parsed);
            set.add(*parsed);
        }
        for (int probe = 0; probe < 50; ++probe) {
            const std::string path =
                random() % 8 == 0 ? "<>" : any(locals) + (random() % 2 ? "x@" : "@") + any(domains);
            const auto address = MailAddress::fromPath(path);
            bool expected = false;
            for (const AddressPattern& one : patterns)
                expected = expected || one.matches(address);
            CAPTURE(path);
            REQUIRE(set.contains(address, today) == expected);
            if (expected)
                REQUIRE(set.find(address, today)->pattern.matches(address));
        }
    }
}
