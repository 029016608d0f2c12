// SPDX-License-Identifier: BSD-2-Clause
#include "test/policy/loop_site.hh"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace sluice::test {
namespace {

TEST_CASE("retries change nothing") {
    Site site;
    std::vector<Mail> mails;
    for (int number = 0; number < 4; ++number) {
        const bool desk = number % 2 == 0;
        mails.push_back({desk ? "desk@example.org" : "joe@example.com",
                         desk ? "joe@example.com" : "desk@example.org", " Printer",
                         std::to_string(number) + "@x", "", desk ? deskText : ruleText});
    }
    const LoopStep expected[] = {pass, pass, mark, loop};
    for (std::size_t number = 0; number < mails.size(); ++number)
        for (int attempt = 0; attempt < 5; ++attempt) {
            CAPTURE(number);
            CAPTURE(attempt);
            const auto outcome = site.outcomeOf(mails[number]);
            CHECK(outcome.step == expected[number]);
            CHECK(outcome.retry == (attempt > 0));
            site.wait(5min);
        }
    CHECK(site.send(mails[0]) == pass); // even the first, when all is over
}

TEST_CASE("retries with references change nothing") {
    Site site;
    const Mail first{"desk@example.org", "joe@example.com", " P", "1@x", "", deskText};
    const Mail second{"joe@example.com", "desk@example.org", " P", "2@x", " <1@x>", ruleText};
    const Mail third{"desk@example.org", "joe@example.com", " P", "3@x", " <1@x> <2@x>", deskText};
    CHECK(site.outcomeOf(first).depth == 1);
    for (int attempt = 0; attempt < 5; ++attempt)
        CHECK(site.outcomeOf(second).depth == 2);
    for (int attempt = 0; attempt < 5; ++attempt)
        CHECK(site.outcomeOf(third).depth == 3);
    CHECK(site.outcomeOf(second).depth == 2);
}

TEST_CASE("a post that comes back to its list") {
    test::MapStore store;
    const LoopDetector detector({}, KeyHasher(sha256("a secret")));
    const MailAddress list("list", "example.org");
    const MailAddress other("other", "example.org");
    struct Case {
        const char* what;
        MailAddress to;
        std::string id;
        std::uint64_t received;
        std::string stamps;
        bool back;
    };
    const Case cases[] = {
        {"first", list, "1@x", 2, "", false},
        {"an honest retry", list, "1@x", 2, "", false},
        {"fewer lines", list, "1@x", 1, "", false},
        {"to another list", other, "1@x", 5, " 1 stamp", false},
        {"more lines", list, "1@x", 3, "", true},
        {"a stamp", list, "1@x", 2, " 1 stamp", true},
        {"another message", list, "2@x", 9, " 1 stamp", false},
        {"its retry", list, "2@x", 9, " 1 stamp", false},
        {"another stamp", list, "2@x", 9, " 1 another", true},
        {"no Message-ID", list, "", 1, "", false},
        {"no Message-ID, more lines", list, "", 2, "", false},
    };
    for (const Case& c : cases) {
        CAPTURE(c.what);
        LoopMessage message;
        message.author = message.sender = MailAddress("a", "example.com");
        message.recipients = message.lists = {c.to};
        message.messageId = c.id;
        message.receivedLines = c.received;
        message.stamps = c.stamps;
        const auto outcome = detector.examine(store, message, SteadyTime(1000h));
        CHECK(outcome.cameBackTo == (c.back ? std::vector{c.to} : std::vector<MailAddress>{}));
    }
}

TEST_CASE("duplicates: without a Message-ID, date and subject tell messages apart") {
    struct Case {
        const char* what;
        std::string id, date, subject;
        bool copy; ///< of the first
    };
    const Case cases[] = {
        {"the same", "", " Mon, 1 Jan 2024 10:00:00 +0000", " Zone 1", true},
        {"another date", "", " Mon, 1 Jan 2024 10:01:00 +0000", " Zone 1", false},
        {"another subject", "", " Mon, 1 Jan 2024 10:00:00 +0000", " Zone 2", false},
        {"a Message-ID", "1@x", " Mon, 1 Jan 2024 10:00:00 +0000", " Zone 1", false},
    };
    for (const Case& c : cases) {
        CAPTURE(c.what);
        test::MapStore store;
        const LoopDetector detector({}, KeyHasher(sha256("a secret")));
        LoopMessage message;
        message.author = message.sender = MailAddress("panel", "example.com");
        message.recipients = {MailAddress("guard", "example.org")};
        message.date = " Mon, 1 Jan 2024 10:00:00 +0000";
        message.subject = " Zone 1";
        const auto first = detector.examine(store, message, SteadyTime(1000h));
        message.messageId = c.id;
        message.date = c.date;
        message.subject = c.subject;
        const auto second = detector.examine(store, message, SteadyTime(1000h));
        CHECK((first.copy == second.copy) == c.copy);
    }
}

TEST_CASE("duplicates: the third copy is dropped when twice nobody heard us") {
    struct Case {
        const char* what;
        DuplicateMode mode;
        std::vector<bool> lost;  ///< was the acknowledgement of each copy lost?
        std::vector<bool> drops; ///< which copies are dropped
    };
    const Case cases[] = {
        {"evidence", DuplicateMode::evidence, {true, true, true, true}, {false, false, true, true}},
        {"heard", DuplicateMode::evidence, {false, false, false}, {false, false, false}},
        {"idle once", DuplicateMode::evidence, {true, false, false}, {false, false, false}},
        {"always", DuplicateMode::always, {false, false}, {false, true}},
        {"alert", DuplicateMode::alert, {true, true, true}, {false, false, false}},
    };
    for (const Case& c : cases) {
        CAPTURE(c.what);
        LoopSettings settings;
        settings.duplicates = c.mode;
        Site site(settings);
        const Mail mail{"a@x", "b@x", " S", "1@x", "", "the same"};
        for (std::size_t copy = 0; copy < c.lost.size(); ++copy) {
            CAPTURE(copy);
            const auto outcome = site.outcomeOf(mail);
            REQUIRE(outcome.copy);
            CHECK(outcome.duplicate.drop == c.drops[copy]);
            CHECK(outcome.step == pass);
            if (c.lost[copy])
                site.store.noteLostAcknowledgement(*outcome.copy, site.now);
            site.wait(5min);
        }
    }
}

TEST_CASE("duplicates: what we refused is no copy") {
    LoopSettings settings;
    settings.duplicates = DuplicateMode::always;
    Site site(settings);
    const Mail mail{"a@x", "b@x", " S", "1@x", "", "the same"};
    for (int attempt = 0; attempt < 5; ++attempt) {
        const auto outcome = site.outcomeOf(mail);
        CHECK_FALSE(outcome.duplicate.drop);
        site.store.withdrawCopy(*outcome.copy, site.now);
    }
}

TEST_CASE("duplicates: what makes a copy equal") {
    LoopSettings settings;
    settings.duplicates = DuplicateMode::always;
    Site site(settings);
    const Mail mail{"a@x", "b@x", " S", "1@x", "", "the same"};
    const auto changed = [&](auto change) {
        Mail other = mail;
        change(other);
        return site.outcomeOf(other).duplicate.drop;
    };
    CHECK_FALSE(changed([](Mail&) {}));
    CHECK(changed([](Mail&) {}));
    CHECK(changed([](Mail& m) { m.subject = " Re: S"; })); // a tampering gateway may change that
    CHECK_FALSE(changed([](Mail& m) { m.text = "other"; }));
    CHECK_FALSE(changed([](Mail& m) { m.id = "2@x"; }));
    CHECK_FALSE(changed([](Mail& m) { m.to = "c@x"; }));
    CHECK_FALSE(changed([](Mail& m) { m.sender = "c@x"; }));
    settings.duplicates = DuplicateMode::off;
    Site off(settings);
    CHECK_FALSE(off.outcomeOf(mail).copy);
}

} // namespace
} // namespace sluice::test
