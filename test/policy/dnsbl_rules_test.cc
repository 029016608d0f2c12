// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/dnsbl_rules.hh"
#include "test/support/capture_value.hh"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
namespace {

using Outcome = DnsblDecision::Outcome;
using Status = DnsblAnswer::Status;

IpAddress address(std::string_view text) {
    return IpAddress::parse(text).value();
}

const IpAddress client = address("192.0.2.4");
const IpAddress client6 = address("2001:db8::25");

DnsblRules build(const std::vector<std::string>& lines) {
    DnsblRules::Builder builder;
    for (const std::string& line : lines) {
        auto parsed = parseDnsblRule(line);
        REQUIRE_MESSAGE(parsed, line);
        REQUIRE_MESSAGE(builder.add(std::move(*parsed)), line);
    }
    return builder.build();
}

/// Answers prepared by zone name; remembers what was asked.
class PreparedAnswers : public DnsblAnswers {
public:
    PreparedAnswers(const DnsblRules& rules, std::map<std::string, DnsblAnswer> answers)
        : rules_(rules), answers_(std::move(answers)) {}

    DnsblAnswer answer(std::size_t zone) override {
        asked.push_back(rules_.zones().at(zone).name);
        return answers_.at(asked.back());
    }

    std::vector<std::string> asked;

private:
    const DnsblRules& rules_;
    std::map<std::string, DnsblAnswer> answers_;
};

DnsblAnswer codes(std::vector<DnsblCode> list) {
    return {Status::answered, std::move(list)};
}

const DnsblAnswer notListed{Status::notListed, {}};
const DnsblAnswer unknown{Status::unknown, {}};
const DnsblAnswer suspended{Status::suspended, {}};
const DnsblAnswer listed = codes({0x7f000002});

std::string repeated(std::string_view text, std::size_t times) {
    std::string all;
    while (times-- > 0)
        all += text;
    return all;
}

/// A domain of exactly this many octets.
std::string zoneOf(std::size_t octets) {
    std::string zone;
    while (octets - zone.size() > 64)
        zone += std::string(49, 'z') + ".";
    return zone + std::string(octets - zone.size(), 'z');
}

TEST_CASE("a rule that is wrong is refused, and the message says what") {
    struct Row {
        std::string text;
        std::string_view message;
    };
    for (const auto& [text, message] : std::vector<Row>{
             {"", "is empty"},
             {"   ", "is empty"},
             {"sbl", "sbl has no zone"},
             {"s!bl bl.example", "\"s!bl\" is no name"},
             {"\"s bl\" bl.example", "is no name"},
             {"\"\" bl.example", "is no name"},
             {std::string(65, 'a') + " bl.example", "is no name"},
             {"sbl bl..example", "is no domain"},
             {"sbl \"\"", "empty"},
             {"sbl " + zoneOf(190), "too long"},
             {"sbl " + zoneOf(238) + " ipv6=no", "too long"},
             {"sbl bl.example any", "\"any\" is no attribute"},
             {"sbl bl.example ttl=5", "\"ttl=5\" is no attribute"},
             {"sbl bl.example Match=any", "\"Match=any\" is no attribute"},
             {"sbl bl.example match=any match=any", "match= is given twice"},
             {"sbl bl.example match=mask:0.0.0.0", "match=: the mask"},
             {"sbl bl.example action=drop", "\"drop\" is none of reject, tempfail, mark, observe"},
             {"sbl bl.example kind=white", "\"white\" is none of deny, allow"},
             {"sbl bl.example on-unknown=reject", "\"reject\" is none of pass, tempfail"},
             {"sbl bl.example ipv6=true", "\"true\" is none of yes, no"},
             {"sbl bl.example errors=127.0.0", "errors=:"},
             {"sbl bl.example provider=", "is no name of a provider"},
             {"sbl bl.example provider=" + std::string(65, 'p'), "is no name of a provider"},
             {"sbl bl.example reply=", "reply=: the text is empty"},
             {"sbl bl.example reply=50%", "\"%\" is not one of"},
             {"sbl bl.example reply=%s", "\"%s\" is not one of"},
             {"sbl bl.example reply=%%%3", "\"%3\" is not one of"},
             {"sbl bl.example reply=na\xc3\xafve", "outside printable ASCII"},
             {"sbl bl.example \"reply=a\tb\"", "outside printable ASCII"},
             {"sbl bl.example reply=" + std::string(981, 'x'), "981 octets"},
             {"sbl bl.example reply=%0" + std::string(942, 'x'), "981 octets"},
             {"sbl bl.example reply=" + repeated("%%", 491), "982 octets"},
             {"sbl bl.example reply=%1" + std::string(978, 'x'), "981 octets"},
             {"sbl bl.example reply=%2" + std::string(971, 'x'), "981 octets"},
             {"sbl bl.example provider=100% reply=%2" + std::string(976, 'x'), "981 octets"},
             {"wl wl.example kind=allow action=reject", "action= means nothing with kind=allow"},
             {"wl wl.example reply=no kind=allow", "reply= means nothing with kind=allow"},
             {"sbl bl.example reply=\"open", "quote is not closed"},
         }) {
        CAPTURE_VALUE(text);
        const auto parsed = parseDnsblRule(text);
        REQUIRE_FALSE(parsed);
        CHECK_MESSAGE(parsed.error().message.find(message) != std::string::npos,
                      parsed.error().message);
    }
}

TEST_CASE("no message shows a zone whose rule names a provider") {
    for (const std::string& zone : {std::string("secret..example"), "secret." + zoneOf(230)}) {
        const auto parsed = parseDnsblRule("sbl " + zone + " provider=Provider");
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().message.find("secret") == std::string::npos);
    }
}

TEST_CASE("what just fits is taken") {
    for (const std::string& text : {
             "sbl " + zoneOf(189),
             "sbl " + zoneOf(237) + " ipv6=no",
             std::string(64, 'a') + " bl.example",
             "sbl bl.example reply=" + std::string(980, 'x'),
             "sbl bl.example reply=%0" + std::string(941, 'x'),
             "sbl bl.example reply=" + repeated("%%", 490),
             "sbl bl.example provider=100% reply=%2" + std::string(975, 'x'),
             std::string("a.B_3-c BL.Example. match=any"),
         }) {
        CAPTURE(text);
        CHECK(parseDnsblRule(text));
    }
}

TEST_CASE("a rule as it is written") {
    const auto bare = parseDnsblRule("sbl BL.Example.");
    REQUIRE(bare);
    CHECK(bare->rule.name == "sbl");
    CHECK(bare->zone == "bl.example");
    CHECK(bare->rule.replyTemplate == "%0 has been blocked by %1");
    CHECK(bare->rule.kind == DnsblRule::Kind::deny);
    CHECK(bare->rule.action == DnsblRule::Action::reject);
    CHECK_FALSE(bare->rule.tempfailOnUnknown);
    CHECK(bare->rule.ipv6);

    const auto full = parseDnsblRule(
        "dul key.bl.example match=codes:127.0.0.10 reply=\"no %0 in %2\" on-unknown=tempfail "
        "errors=127.0.0.1,127.0.1.0-127.0.1.255 action=tempfail kind=deny ipv6=no "
        "provider=\"The List\"");
    REQUIRE(full);
    CHECK(full->rule.replyTemplate == "no %0 in %2");
    CHECK(full->rule.tempfailOnUnknown);
    CHECK(full->rule.errors == CodeRanges{{0x7f000001, 0x7f000001}, {0x7f000100, 0x7f0001ff}});
    CHECK(full->rule.action == DnsblRule::Action::tempfail);
    CHECK_FALSE(full->rule.ipv6);
    CHECK(full->rule.provider == "The List");
    CHECK(full->rule.match.matches(0x7f00000a));
    CHECK_FALSE(full->rule.match.matches(0x7f000002));
    CHECK(parseDnsblRule("wl wl.example kind=allow")->rule.kind == DnsblRule::Kind::allow);
}

TEST_CASE("rules share their zones, and a name stands once") {
    const DnsblRules rules = build({
        "one a.example ipv6=no errors=127.0.0.9",
        "two b.example",
        "three A.example. errors=127.0.0.8",
    });
    REQUIRE(rules.zones().size() == 2);
    CHECK(rules.zones()[0].name == "a.example");
    CHECK(rules.zones()[0].shown == "a.example");
    CHECK(rules.zones()[0].ipv6);
    CHECK(rules.zones()[0].errors ==
          CodeRanges{{0x7f000009, 0x7f000009}, {0x7f000008, 0x7f000008}});
    CHECK(rules.zones()[1].name == "b.example");
    CHECK(rules.rules()[0].zone == 0);
    CHECK(rules.rules()[1].zone == 1);
    CHECK(rules.rules()[2].zone == 0);
    CHECK_FALSE(build({"one a.example ipv6=no"}).zones()[0].ipv6);

    DnsblRules::Builder builder;
    REQUIRE(builder.add(parseDnsblRule("one a.example").value()));
    const auto again = builder.add(parseDnsblRule("one b.example").value());
    REQUIRE_FALSE(again);
    CHECK(again.error().message.find("\"one\"") != std::string::npos);
    const DnsblRules kept = builder.build();
    CHECK(kept.rules().size() == 1);
    CHECK(kept.zones().size() == 1);
    CHECK(builder.build().empty());
}

TEST_CASE("a zone that one rule keeps secret is secret in all") {
    const DnsblRules rules = build({
        "one key.example reply=\"see %2\"",
        "two key.example provider=Provider",
        "three key.example provider=Other",
    });
    CHECK(rules.zones()[0].shown == "Provider");
    CHECK(expandReply(rules.rules()[0], client) == "see Provider");
    CHECK(rules.rules()[2].provider == "Other");
}

TEST_CASE("the name of a query") {
    DnsblZone zone;
    zone.name = "bl.example";
    CHECK(queryName(client, zone) == "4.2.0.192.bl.example.");
    CHECK(queryName(address("::ffff:192.0.2.4"), zone) == "4.2.0.192.bl.example.");
    CHECK(queryName(address("2001:db8:0123:4567:89ab:cdef:fedc:ba98"), zone) ==
          "8.9.a.b.c.d.e.f.f.e.d.c.b.a.9.8.7.6.5.4.3.2.1.0.8.b.d.0.1.0.0.2.bl.example.");
}

TEST_CASE("the text of a reply") {
    struct Row {
        std::string_view reply;
        std::string_view text;
    };
    for (const auto& [reply, text] : std::vector<Row>{
             {"", "192.0.2.4 has been blocked by sbl"},
             {"reply=\"%0 %1 %2 %%\"", "192.0.2.4 sbl bl.example %"},
             {"reply=%%0%%", "%0%"},
             {"reply=%1%1 provider=X%0", "sblsbl"},
             {"reply=%2 provider=X%0", "X%0"}, // what is put in is not expanded again
         }) {
        const DnsblRules rules = build({"sbl bl.example " + std::string(reply)});
        CHECK(expandReply(rules.rules()[0], client) == text);
    }
    const DnsblRules rules = build({"sbl bl.example"});
    CHECK(expandReply(rules.rules()[0], address("::ffff:192.0.2.4")) ==
          "192.0.2.4 has been blocked by sbl");
    CHECK(expandReply(rules.rules()[0], client6) == "2001:db8::25 has been blocked by sbl");
}

TEST_CASE("what the rules decide") {
    struct Row {
        std::string_view what;
        std::vector<std::string> rules;
        std::map<std::string, DnsblAnswer> answers;
        Outcome outcome;
        std::string_view reply;
        std::vector<std::string> asked;
    };
    for (const auto& row : std::vector<Row>{
             {"nothing listed",
              {"a a.ex", "b b.ex"},
              {{"a.ex", notListed}, {"b.ex", notListed}},
              Outcome::pass,
              "",
              {"a.ex", "b.ex"}},
             {"the first match decides, and nobody waits for what comes after it",
              {"a a.ex", "b b.ex", "c c.ex"},
              {{"a.ex", notListed}, {"b.ex", listed}, {"c.ex", listed}},
              Outcome::reject,
              "550 5.7.1 192.0.2.4 has been blocked by b",
              {"a.ex", "b.ex"}},
             {"tempfail",
              {"a a.ex action=tempfail"},
              {{"a.ex", listed}},
              Outcome::tempfail,
              "451 4.7.1 192.0.2.4 has been blocked by a",
              {"a.ex"}},
             {"an allow rule ends it",
              {"w w.ex kind=allow", "a a.ex"},
              {{"w.ex", listed}, {"a.ex", listed}},
              Outcome::allowed,
              "",
              {"w.ex"}},
             {"an allow rule behind a match comes too late",
              {"a a.ex", "w w.ex kind=allow"},
              {{"w.ex", listed}, {"a.ex", listed}},
              Outcome::reject,
              "550 5.7.1 192.0.2.4 has been blocked by a",
              {"a.ex"}},
             {"listed with a code that is not meant",
              {"a a.ex match=codes:127.0.0.9"},
              {{"a.ex", listed}},
              Outcome::pass,
              "",
              {"a.ex"}},
             {"one of several codes is meant",
              {"a a.ex match=codes:127.0.0.9"},
              {{"a.ex", codes({0x7f000002, 0x7f000009})}},
              Outcome::reject,
              "550 5.7.1 192.0.2.4 has been blocked by a",
              {"a.ex"}},
             {"two rules of one zone",
              {"a a.ex match=codes:127.0.0.9", "b a.ex"},
              {{"a.ex", listed}},
              Outcome::reject,
              "550 5.7.1 192.0.2.4 has been blocked by b",
              {"a.ex", "a.ex"}},
             {"unknown passes by default",
              {"a a.ex"},
              {{"a.ex", unknown}},
              Outcome::pass,
              "",
              {"a.ex"}},
             {"unknown with tempfail",
              {"a a.ex", "b b.ex on-unknown=tempfail"},
              {{"a.ex", unknown}, {"b.ex", unknown}},
              Outcome::unknown,
              "451 4.4.3 The list b does not answer, please try again later",
              {"a.ex", "b.ex"}},
             {"the first of several unknown",
              {"a a.ex on-unknown=tempfail", "b b.ex on-unknown=tempfail"},
              {{"a.ex", unknown}, {"b.ex", unknown}},
              Outcome::unknown,
              "451 4.4.3 The list a does not answer, please try again later",
              {"a.ex", "b.ex"}},
             {"a later match wins over unknown",
              {"a a.ex on-unknown=tempfail", "b b.ex"},
              {{"a.ex", unknown}, {"b.ex", listed}},
              Outcome::reject,
              "550 5.7.1 192.0.2.4 has been blocked by b",
              {"a.ex", "b.ex"}},
             {"a later allow wins over unknown",
              {"a a.ex on-unknown=tempfail", "w w.ex kind=allow"},
              {{"a.ex", unknown}, {"w.ex", listed}},
              Outcome::allowed,
              "",
              {"a.ex", "w.ex"}},
             {"a later mark does not",
              {"a a.ex on-unknown=tempfail", "m m.ex action=mark"},
              {{"a.ex", unknown}, {"m.ex", listed}},
              Outcome::unknown,
              "451 4.4.3 The list a does not answer, please try again later",
              {"a.ex", "m.ex"}},
             {"observe never refuses",
              {"o o.ex action=observe on-unknown=tempfail"},
              {{"o.ex", unknown}},
              Outcome::pass,
              "",
              {"o.ex"}},
             {"only provider errors are unknown",
              {"a a.ex on-unknown=tempfail"},
              {{"a.ex", codes({0x7ffffffe, 0xc0000201})}},
              Outcome::unknown,
              "451 4.4.3 The list a does not answer, please try again later",
              {"a.ex"}},
             {"provider errors beside a listing",
              {"a a.ex"},
              {{"a.ex", codes({0x7ffffffe, 0x7f000002})}},
              Outcome::reject,
              "550 5.7.1 192.0.2.4 has been blocked by a",
              {"a.ex"}},
             {"a code in errors= is no listing for that rule alone",
              {"a a.ex errors=127.0.0.2 on-unknown=tempfail", "b a.ex"},
              {{"a.ex", listed}},
              Outcome::reject,
              "550 5.7.1 192.0.2.4 has been blocked by b",
              {"a.ex", "a.ex"}},
             {"a suspended zone matches nothing and is not unknown",
              {"a a.ex on-unknown=tempfail", "w a.ex kind=allow"},
              {{"a.ex", suspended}},
              Outcome::pass,
              "",
              {"a.ex", "a.ex"}},
         }) {
        CAPTURE(row.what);
        const DnsblRules rules = build(row.rules);
        PreparedAnswers answers(rules, row.answers);
        const DnsblDecision decision = evaluate(rules, client, answers);
        CHECK(static_cast<int>(decision.outcome) == static_cast<int>(row.outcome));
        CHECK((decision.reply ? decision.reply->line() : "") == row.reply);
        CHECK(decision.rule.has_value() == (row.outcome != Outcome::pass));
        CHECK(answers.asked == row.asked);
    }
}

TEST_CASE("marks, observations and unknown rules are collected on the way") {
    const DnsblRules rules = build({
        "m1 a.ex action=mark",
        "o1 a.ex action=observe",
        "u1 u.ex",
        "m2 b.ex action=mark",
        "m3 c.ex action=mark",
        "d c.ex",
        "m4 c.ex action=mark",
    });
    PreparedAnswers answers(
        rules, {{"a.ex", listed}, {"b.ex", notListed}, {"c.ex", listed}, {"u.ex", unknown}});
    const DnsblDecision decision = evaluate(rules, client, answers);
    CHECK(decision.outcome == Outcome::reject);
    CHECK(decision.rule == 5);
    CHECK(decision.marked == std::vector<std::size_t>{0, 4});
    CHECK(decision.observed == std::vector<std::size_t>{1});
    CHECK(decision.unknown == std::vector<std::size_t>{2});
}

TEST_CASE("a rule with ipv6=no is not for IPv6 clients") {
    const DnsblRules rules = build({"four a.ex ipv6=no", "six b.ex"});
    const std::map<std::string, DnsblAnswer> prepared{{"a.ex", listed}, {"b.ex", listed}};
    PreparedAnswers forSix(rules, prepared);
    CHECK(evaluate(rules, client6, forSix).rule == 1);
    CHECK(forSix.asked == std::vector<std::string>{"b.ex"});
    PreparedAnswers forFour(rules, prepared);
    CHECK(evaluate(rules, client, forFour).rule == 0);
}

TEST_CASE("no rules, no refusal") {
    const DnsblRules rules;
    PreparedAnswers answers(rules, {});
    CHECK(evaluate(rules, client, answers).outcome == Outcome::pass);
}

} // namespace
} // namespace sluice
