// SPDX-License-Identifier: BSD-2-Clause
#include "test/policy/loop_site.hh"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace sluice::test {
namespace {

TEST_CASE("innocent: people") {
    Site site;
    Steps steps;
    std::string previous;
    for (int number = 0; number < 30; ++number) {
        const bool first = number % 2 == 0;
        Mail mail{first ? "a@example.org" : "b@example.com",
                  first ? "b@example.com" : "a@example.org", " Re: Holidays",
                  std::to_string(number) + "@x", previous.empty() ? "" : " <" + previous + ">"};
        mail.text = "What about " + std::string(static_cast<std::size_t>(number) + 1, 'x') + "?\n";
        if (number % 3 == 0)
            mail.references.clear(); // telephones
        if (number % 5 == 0)
            mail.text = "Thanks!\n";
        CHECK(site.send(mail) == pass);
        previous = mail.id;
        site.wait(3min);
    }
}

TEST_CASE("innocent: a monitor each minute for a day") {
    struct Case {
        const char* what;
        bool automatic;
        std::optional<Party> acknowledges;
    };
    const Case cases[] = {
        {"alone", false, {}},
        {"alone, marked", true, {}},
        {"acknowledged", false, Party{"desk@example.com", deskText}},
        {"acknowledged by a marked reply", false, Party{"desk@example.com", deskText, true, true}},
        {"acknowledged without reference", false, Party{"desk@example.com", deskText, false, true}},
        {"marked, acknowledged", true, Party{"desk@example.com", deskText, true, true}},
        {"marked, acknowledged without reference", true,
         Party{"desk@example.com", deskText, false, true}},
    };
    for (const Case& c : cases) {
        CAPTURE(c.what);
        Site site;
        int touched = 0;
        for (int minute = 0; minute < 24 * 60; ++minute) {
            Mail alarm{"monitor@example.org", "desk@example.com", " Disk 3 is full",
                       std::to_string(minute) + "@monitor"};
            alarm.text = "Disk 3 is full since " + std::to_string(minute) + " minutes.";
            alarm.automatic = c.automatic;
            touched += site.send(alarm) == pass ? 0 : 1;
            site.wait(2s);
            if (c.acknowledges) {
                Mail reply{"desk@example.com", "monitor@example.org", " Re: Disk 3 is full",
                           std::to_string(minute) + "@desk"};
                reply.references = c.acknowledges->refers ? " <" + alarm.id + ">" : "";
                reply.reaction = c.acknowledges->reaction;
                reply.text = c.acknowledges->text;
                touched += site.send(reply) == pass ? 0 : 1;
            }
            site.wait(58s);
        }
        CHECK(touched == 0);
    }
}

TEST_CASE("innocent: five thousand are out of office") {
    Site site;
    const Mail invitation{"boss@example.org", "all@example.org", " Party", "1@x", "", "Come all!"};
    REQUIRE(site.send(invitation) == pass);
    int touched = 0;
    for (int number = 0; number < 5000; ++number) {
        Mail reply{"user" + std::to_string(number) + "@example.com",
                   "boss@example.org",
                   " Out of office: Party",
                   std::to_string(number) + "@example.com",
                   " <1@x>",
                   ruleText,
                   true,
                   true,
                   "<>"};
        touched += site.send(reply) == pass ? 0 : 1;
    }
    CHECK(touched == 0);
}

TEST_CASE("innocent: people who always thank in the same words") {
    const std::string thanks = "Thanks!\n\nMary Smith\nACME Purchasing";
    struct Case {
        const char* what;
        bool acknowledged; ///< Mary is a program that says so
        std::vector<std::string> texts;
    };
    for (const Case& each : {
             Case{"a person",
                  false,
                  {"Have you got the paper?", thanks, "And the ink?", thanks, "Good bye, Mary.",
                   thanks}},
             Case{"a service desk",
                  true,
                  {"My printer is broken.", thanks, "It is the blue one.", thanks,
                   "It works again.", thanks}},
         }) {
        CAPTURE(each.what);
        Site site;
        std::string before;
        for (std::size_t number = 0; number < each.texts.size(); ++number) {
            Mail mail;
            const bool mary = number % 2 == 1;
            mail.from = mary ? "mary@example.com" : "ann@example.org";
            mail.to = mary ? "ann@example.org" : "mary@example.com";
            mail.id = std::to_string(number) + "@x";
            mail.references = before.empty() ? "" : " <" + before + ">";
            mail.text = each.texts[number];
            mail.reaction = mary && each.acknowledged;
            CHECK(site.send(mail) < loop);
            before = mail.id;
            site.wait(5min);
        }
    }
}

TEST_CASE("innocent: programs that answer each patch of a series on a list in the same words") {
    Site site;
    const auto post = [&](const std::string& from, const std::string& id,
                          const std::string& answered, const std::string& text) {
        return site.send({.from = from,
                          .to = "devel@example.org",
                          .subject = " [PATCH] parser",
                          .id = id,
                          .references = answered.empty() ? "" : " <" + answered + ">",
                          .text = text,
                          .toList = true});
    };
    CHECK(post("author@example.com", "0@x", "", "This series mends the parser.") == pass);
    for (int number = 1; number <= 20; ++number) {
        const std::string patch = std::to_string(number) + "@x";
        CHECK(post("author@example.com", patch, "0@x",
                   "Change " + std::string(static_cast<std::size_t>(number), 'x')) == pass);
        site.wait(1s);
        for (const std::string bot : {"style", "build"})
            CHECK(post(bot + "@bots.example", bot + patch, patch,
                       "The " + bot + " check has passed.") == pass);
        site.wait(1s);
    }
}

TEST_CASE("innocent: a quick exchange on a list") {
    Site site;
    std::string before;
    for (int number = 0; number < 20; ++number) {
        const bool ann = number % 2 == 0;
        Mail mail{.from = ann ? "ann@example.org" : "bob@example.com",
                  .to = "team@example.org",
                  .id = std::to_string(number) + "@x",
                  .references = before.empty() ? "" : " <" + before + ">",
                  .text = "Then let us meet " +
                          std::string(static_cast<std::size_t>(number) + 1, 'x') + " o'clock.",
                  .toList = true};
        CHECK(site.send(mail) == pass);
        before = mail.id;
        site.wait(10s);
    }
}

TEST_CASE("innocent: a monitor whose alarms are acknowledged at once") {
    Site site;
    for (int number = 0; number < 20; ++number) {
        const std::string host = std::to_string(number);
        CHECK(site.send({.from = "monitor@example.org",
                         .to = "desk@example.com",
                         .subject = " PROBLEM: host" + host + " is DOWN",
                         .id = "p" + host + "@x",
                         .text = "The host does not answer any more.",
                         .automatic = true}) == pass);
        site.wait(5s);
        CHECK(site.send({.from = "desk@example.com",
                         .to = "monitor@example.org",
                         .subject = " Re: PROBLEM: host" + host + " is DOWN",
                         .id = "a" + host + "@x",
                         .references = " <p" + host + "@x>",
                         .text = deskText,
                         .reaction = true}) == pass);
        site.wait(5s);
    }
}

TEST_CASE("innocent: a series of patches") {
    Site site;
    for (int number = 1; number < 20; ++number) {
        const std::string own = std::to_string(number);
        CHECK(site.send({.subject = " [PATCH " + own + "/19] board" + own,
                         .id = own + "@x",
                         .references = number > 1 ? " <" + std::to_string(number - 1) + "@x>" : "",
                         .text = "Raise the clock of board" + own + " to 200 MHz.",
                         .toList = true}) == pass);
        site.wait(1s);
    }
}

TEST_CASE("innocent: twenty thousand reports about a newsletter") {
    // of some servers, each about many members: the same author, subject and words again and again
    Site site;
    const Mail newsletter{
        "owner-news@example.org", "news@example.org", " News", "1@x", "", "Read!"};
    REQUIRE(site.send(newsletter) == pass);
    int touched = 0;
    for (int number = 0; number < 20'000; ++number) {
        Mail report{"mailer-daemon@mx" + std::to_string(number % 40) + ".example.com",
                    "owner-news@example.org",
                    " Undelivered Mail Returned to Sender",
                    number % 3 == 0 ? "" : std::to_string(number) + "@mx.example.com",
                    number % 2 == 0 ? " <1@x>" : "",
                    numbered("Your message could not be delivered to user%@example.com.", number),
                    true,
                    true,
                    "<>"};
        touched += site.send(report) == pass ? 0 : 1;
        site.wait(number % 2 == 0 ? 0s : 1s);
    }
    CHECK(touched == 0);
}

TEST_CASE("innocent: a thread of a mailing list") {
    Site site;
    std::string thread;
    for (int number = 0; number < 200; ++number) {
        Mail post{"member" + std::to_string(number % 7) + "@example.com", "list@example.org",
                  " Re: [list] Tabs or blanks", std::to_string(number) + "@x", thread};
        post.text = "I agree with all of that.\n";
        CHECK(site.send(post) == pass);
        thread += " <" + post.id + ">";
        site.wait(5min);
    }
}

} // namespace
} // namespace sluice::test
