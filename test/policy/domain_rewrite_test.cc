// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/domain_rewrite.hh"
#include "test/support/capture_value.hh"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

using namespace sluice;

namespace {

DomainRewriteRule rule(const std::string& oldDomain, const std::string& newDomain) {
    DomainRewriteRule made;
    made.below = oldDomain.front() == '.';
    made.oldDomain = oldDomain.substr(made.below ? 1 : 0);
    made.newDomain = newDomain;
    return made;
}

DomainRewriteRules rulesOf(std::vector<DomainRewriteRule> rules) {
    DomainRewriteRules all;
    for (DomainRewriteRule& each : rules)
        REQUIRE(all.add(std::move(each)));
    return all;
}

/// One message from a trusted client to somebody outside.
class Mail {
public:
    Mail() {
        client.address = IpAddress::parse("192.0.2.1").value();
        client.standing.trusted = true;
        sender("<a@else.example>");
        to("x@out.example", true);
    }

    Mail& sender(const std::string& path) {
        envelope.senderText = path;
        envelope.sender = MailAddress::fromPath(path);
        return *this;
    }
    Mail& to(const std::string& address, bool outside) {
        Recipient recipient;
        recipient.address = MailAddress::fromPath(address);
        recipient.outside = outside;
        envelope.recipients.push_back(recipient);
        return *this;
    }
    Mail& field(const std::string& name, const std::string& value) {
        headers.add(name, value);
        return *this;
    }
    void rewrite(const DomainRewriteRules& rules) {
        DomainRewrite(rules).onEndOfMessage(client, envelope, headers, decision);
    }

    /// `<sender>` where it changes, and `Name[index]:value` for each field that does.
    [[nodiscard]] std::string edits() const {
        std::string text;
        if (decision.edits.sender)
            text += '<' + decision.edits.sender->address + '>';
        for (const HeaderChange& change : decision.edits.changeHeaders)
            text += change.name + '[' + std::to_string(change.index) + "]:" + change.value;
        return text;
    }
    [[nodiscard]] std::string notes() const {
        std::string text;
        for (const Note& note : decision.notes)
            text += '(' + note.rule + (note.becomes.empty() ? "" : " => ") + note.becomes + ')';
        return text;
    }

    Client client;
    Envelope envelope;
    HeaderList headers;
    Decision decision;
};

const DomainRewriteRules& oneRule() {
    static const DomainRewriteRules rules = rulesOf({rule("old.example", "new.example")});
    return rules;
}

std::string fieldBecomes(const std::string& value) {
    Mail mail;
    mail.field("From", value).rewrite(oneRule());
    const auto& changes = mail.decision.edits.changeHeaders;
    return changes.empty() ? "" : changes.front().value;
}

std::string senderBecomes(const std::string& path) {
    Mail mail;
    mail.sender(path).rewrite(oneRule());
    return mail.edits();
}

} // namespace

TEST_CASE("what a field must not lose, or get") {
    struct Case {
        std::string value;
        std::string expected; ///< empty: unchanged
    };
    const std::vector<Case> cases = {
        {" \"a@old.example", ""},
        {" <a@old.example", ""},
        {" a@old.example\r\nBcc: x@y.example", ""},
        {" a@old.example\rx", ""},
        {std::string(" a@old.example\0", 15), ""},
        {" a@notold.example", ""},
        {" a@old.example.org", ""},
        {" a@old-example", ""},
        {" a@sub.old.example", ""},
        {" a@[old.example]", ""},
        {" a@new.example", ""},
        {" old.example", ""},
        {" old.example@else.example", ""},
        {" \"a@old.example\"@else.example", ""},
        {" a@else.example (b@old.example)", ""},
        {" \"b@old.example\" <a@else.example>", ""},
        {" b@old.example <a@else.example>", ""},
        {" =?utf-8?q?b@old.example?= <a@else.example>", ""},
        {" <@old.example:a@else.example>", ""},
        {" a@old.example", " a@new.example"},
        {"a@old.example", "a@new.example"},
        {"\ta@old.example", "\ta@new.example"},
        {" A.B+c@OLD.Example", " A.B+c@new.example"},
        {" a@old.example.", " a@new.example"},
        {" \"A@old.example\" <A@old.example> (a@old.example)",
         " \"A@old.example\" <A@new.example> (a@old.example)"},
        {" =?utf-8?q?b@old.example?=\r\n <a@old.example>",
         " =?utf-8?q?b@old.example?=\r\n <a@new.example>"},
        {" Old: a@old.example,\r\n\tB <b@else.example>,\r\n c@old.example;, d@old.example",
         " Old: a@new.example,\r\n\tB <b@else.example>,\r\n c@new.example;, d@new.example"},
        {" <@old.example:a@old.example>", " <@old.example:a@new.example>"},
        {" a @ old(one) . (two)\r\n example ", " a @ new.example(one)(two) "},
        {" a@old\r\n .example", " a@new.example"},
    };
    for (const auto& [value, expected] : cases) {
        CAPTURE_VALUE(value);
        CHECK(fieldBecomes(value) == expected);
    }
}

TEST_CASE("the sender of the envelope") {
    struct Case {
        const char* path;
        const char* expected;
    };
    const std::vector<Case> cases = {
        {"", ""},
        {"<>", ""},
        {"<", ""},
        {"<a@old.example", ""},
        {"<a@old.example\r\nRCPT TO:<x@y.example>>", ""},
        {"<a@b@old.example>", ""},
        {"<a@notold.example>", ""},
        {"<User@Old.Example>", "<User@new.example>"},
        {"User@old.example", "<User@new.example>"},
        {"<\"a b@old.example\"@old.example>", "<\"a b@old.example\"@new.example>"},
        {"<@x.example:a@old.example>", "<@x.example:a@new.example>"},
    };
    for (const auto& [path, expected] : cases) {
        CAPTURE_VALUE(path);
        CHECK(senderBecomes(path) == expected);
    }
}

TEST_CASE("the longest name that covers a domain decides") {
    const DomainRewriteRules rules =
        rulesOf({rule(".old.example", "new.example"), rule("old.example", "exact.example"),
                 rule(".b.old.example", "b.example"), rule("only.example", "other.example")});
    struct Case {
        std::string domain;
        std::string expected;
    };
    const std::string longLabels = std::string(120, 'a') + '.' + std::string(122, 'b');
    const std::vector<Case> cases = {
        {"", ""},
        {".", ""},
        {"example", ""},
        {"notold.example", ""},
        {"b.only.example", ""},
        {"[192.0.2.1]", ""},
        {longLabels + ".old.example", ""}, // no name is longer than 253 octets
        {std::string(60'000, '.') + "old.example", ""},
        {"old.example", "exact.example"},
        {"a.old.example", "a.new.example"},
        {"x.y.old.example", "x.y.new.example"},
        {"b.old.example", "b.example"},
        {"a.b.old.example", "a.b.example"},
        {"only.example", "other.example"},
    };
    for (const auto& [domain, expected] : cases) {
        CAPTURE_VALUE(domain);
        const DomainRewriteRule* const found = rules.find(domain);
        CHECK((found == nullptr ? "" : found->renamed(domain)) == expected);
        CHECK(rules.shownAs(MailAddress("u", domain)).domain() ==
              (expected.empty() ? domain : expected));
    }
    DomainRewriteRules two = rulesOf({rule("old.example", "a.example")});
    CHECK_FALSE(two.add(rule("old.example", "b.example")));
    CHECK(two.add(rule(".old.example", "b.example")));
}

TEST_CASE("a domain that would become too long stays") {
    const std::string longLabel = std::string(60, 'n') + '.';
    const std::string longName = longLabel + longLabel + longLabel + longLabel + "example";
    Mail mail;
    mail.sender("<a@sub.old.example>");
    mail.rewrite(rulesOf({rule(".old.example", longName)}));
    CHECK(mail.edits().empty());
    Mail other;
    other.sender("<a@old.example>");
    other.rewrite(rulesOf({rule(".old.example", longName)}));
    CHECK(other.edits() == "<a@" + longName + ">");
}

TEST_CASE("domains beyond ASCII are the same in both forms") {
    const DomainRewriteRules rules = rulesOf({rule(".xn--mller-kva.example", "new.example")});
    Mail mail;
    mail.field("From", " a@m\xc3\xbcller.example, b@XN--MLLER-KVA.example,"
                       " c@\xc3\xbc.m\xc3\xbcller.example, d@\xff.m\xc3\xbcller.example");
    mail.rewrite(rules);
    CHECK(mail.edits() == "From[1]: a@new.example, b@new.example, c@xn--tda.new.example,"
                          " d@\xff.m\xc3\xbcller.example");
}

TEST_CASE("which fields change") {
    Mail mail;
    for (const char* const name :
         {"To", "Cc", "From", "FROM", "Resent-From", "Sender", "reply-to", "Return-Path", "from",
          "Reply-To", "Errors-To", "Message-ID", "X-From"})
        mail.field(name, " <a@old.example>");
    mail.field("From", " b@else.example").field("From", " c@old.example");
    mail.rewrite(oneRule());
    CHECK(mail.edits() == "From[1]: <a@new.example>FROM[2]: <a@new.example>"
                          "Sender[1]: <a@new.example>reply-to[1]: <a@new.example>"
                          "from[3]: <a@new.example>Reply-To[2]: <a@new.example>"
                          "From[5]: c@new.example");
}

TEST_CASE("what the log is told") {
    Mail mail;
    mail.sender("<a@old.example>").field("From", "  A <a@old.example>").field("Sender", " \"a");
    mail.rewrite(oneRule());
    CHECK(mail.notes() == "(rewrite-domain old.example=new.example => <a@new.example>)"
                          "(rewrite-domain old.example=new.example in From: => A <a@new.example>)"
                          "(rewrite-domain cannot read Sender:)");
    const auto& notes = mail.decision.notes;
    CHECK(notes.at(0).kind == Note::Kind::returnPath);
    CHECK(notes.at(1).kind == Note::Kind::rewrite);
    CHECK(notes.at(2).kind == Note::Kind::observe);
}

TEST_CASE("whose mail, and where it goes") {
    const auto edits = [](auto change) {
        DomainRewriteRule only = rule("old.example", "new.example");
        Mail mail;
        mail.sender("<a@old.example>").field("From", " a@old.example");
        change(mail, only);
        mail.rewrite(rulesOf({std::move(only)}));
        return mail.edits() == "<a@new.example>From[1]: a@new.example" ? "all" : mail.edits();
    };
    const auto network = [](const char* text) {
        NetworkSet::Builder builder;
        builder.add(IpNetwork::parse(text).value());
        return builder.build();
    };
    CHECK(edits([](Mail& mail, auto&) { mail.client.standing.trusted = false; }).empty());
    CHECK(edits([](Mail& mail, auto&) { mail.client = Client(); }).empty());
    CHECK(edits([](Mail&, auto& only) { only.ofTrusted = false; }).empty());
    CHECK(edits([](Mail& mail, auto& only) {
              mail.client.standing.trusted = false;
              mail.envelope.authenticated = true;
              only.ofAuthenticated = false;
          }).empty());
    CHECK(edits([&](Mail&, auto& only) {
              only.ofTrusted = false;
              only.networks = network("192.0.2.2");
          }).empty());
    CHECK(edits([](Mail& mail, auto&) { mail.envelope.recipients.clear(); }).empty());
    CHECK(edits([](Mail& mail, auto&) {
              mail.envelope.recipients.clear();
              mail.to("b@old.example", false);
          }).empty());
    CHECK(edits([](Mail&, auto&) {}) == "all");
    CHECK(edits([](Mail& mail, auto&) {
              mail.client = Client();
              mail.envelope.authenticated = true;
          }) == "all");
    CHECK(edits([&](Mail&, auto& only) {
              only.ofTrusted = false;
              only.networks = network("192.0.2.0/24");
          }) == "all");
    CHECK(edits([](Mail& mail, auto&) { mail.to("b@new.example", false); }) == "all");
}

TEST_CASE("signed mail stays as it is, envelope and all") {
    for (const char* const name : {"DKIM-Signature", "dkim-signature", "DomainKey-Signature",
                                   "ARC-Seal", "ARC-Message-Signature"})
        for (const bool evenSigned : {false, true}) {
            INFO(name);
            DomainRewriteRule only = rule("old.example", "new.example");
            only.evenSigned = evenSigned;
            Mail mail;
            mail.sender("<a@old.example>").field("From", " a@old.example").field(name, " v=1");
            mail.rewrite(rulesOf({std::move(only)}));
            CHECK(mail.decision.edits.empty() == !evenSigned);
            if (!evenSigned)
                CHECK(mail.notes() == std::string("(rewrite-domain old.example=new.example not in "
                                                  "a message with ") +
                                          (name[0] == 'd' ? "DKIM-Signature" : name) + ')');
        }
    Mail other;
    other.sender("<a@else.example>").field("DKIM-Signature", " v=1").rewrite(oneRule());
    CHECK(other.decision.notes.empty());
}

TEST_CASE("a return path that was decided before stays") {
    for (const char* const address : {"", "team-bounces@lists.example"}) {
        Mail mail;
        mail.sender("<a@old.example>").field("From", " a@old.example");
        mail.decision.edits.sender = EnvelopeAddress{address};
        mail.rewrite(oneRule());
        CHECK(mail.decision.edits.sender->address == address);
        CHECK(mail.decision.edits.changeHeaders.size() == 1);
    }
}

TEST_CASE("a header section beyond the limits stays") {
    Mail mail;
    mail.sender("<a@old.example>").field("From", " a@old.example");
    for (std::size_t i = 0; i < HeaderList::maxFields; ++i)
        mail.field("X-Filler", "");
    mail.field("DKIM-Signature", " v=1").rewrite(oneRule());
    CHECK(mail.edits().empty());
    CHECK(mail.notes() == "(rewrite-domain not in a header that is too long)");
}

TEST_CASE("nobody makes us edit without end") {
    Mail many;
    for (std::size_t i = 0; i < 5000; ++i)
        many.field("From", i % 2 == 0 ? " a@old.example" : " \"");
    many.rewrite(oneRule());
    CHECK(many.decision.edits.changeHeaders.size() == DomainRewrite::maxFields / 2);
    CHECK(many.decision.notes.size() == DomainRewrite::maxFields + 1);

    std::string value;
    for (std::size_t i = 0; i < 3000; ++i)
        value += "a@old.example,";
    Mail large;
    large.field("From", value)
        .rewrite(rulesOf({rule("old.example", std::string(60, 'n') + ".example")}));
    CHECK(large.edits().empty());
    CHECK(large.notes() == "(rewrite-domain makes From: too long)");
    Mail huge;
    huge.field("From", " a@old.example (" + std::string(64UL * 1024, 'x') + ')').rewrite(oneRule());
    CHECK(huge.edits().empty());
}
