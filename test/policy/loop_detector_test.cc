// SPDX-License-Identifier: BSD-2-Clause
#include "test/policy/loop_site.hh"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace sluice::test {
namespace {

TEST_CASE("loops: what answers itself is cut") {
    struct Case {
        const char* what;
        std::vector<Party> parties;
        std::chrono::seconds between;
        Steps expected;
    };
    const Case cases[] = {
        {"unmarked, with references",
         {{"desk@example.org", deskText}, {"joe@example.com", ruleText}},
         2s,
         {pass, pass, mark, loop}},
        {"unmarked, slowly",
         {{"desk@example.org", deskText}, {"joe@example.com", ruleText}},
         50min,
         {pass, pass, mark, loop}},
        {"marked, with references",
         {{"desk@example.org", deskText, true, true}, {"joe@example.com", ruleText, true, true}},
         2s,
         {pass, pass, loop}},
        {"marked, some hours apart",
         {{"desk@example.org", deskText, true, true}, {"joe@example.com", ruleText, true, true}},
         5h,
         {pass, pass, loop}},
        {"unmarked, without references",
         {{"desk@example.org", deskText, false}, {"joe@example.com", ruleText, false}},
         1min,
         {pass, pass, mark, loop}},
        {"marked, without references",
         {{"desk@example.org", deskText, false, true}, {"joe@example.com", ruleText, false, true}},
         1min,
         {pass, pass, loop}},
        {"one side refers and is marked",
         {{"desk@example.org", deskText, false}, {"joe@example.com", ruleText, true, true}},
         2s,
         {pass, pass, markNull, loop}},
        {"the other way round",
         {{"joe@example.com", ruleText, true, true}, {"desk@example.org", deskText, false}},
         2s,
         {pass, pass, markNull, loop}},
        {"one side refers, nobody is marked",
         {{"desk@example.org", deskText, false}, {"joe@example.com", ruleText}},
         2s,
         {pass, pass, mark, loop}},
        {"both write the same text",
         {{"desk@example.org", deskText}, {"desk@example.com", deskText}},
         2s,
         {pass, pass, mark, loop}},
        {"null sender",
         {{"listserv@example.org", "Unknown command."},
          {"postmaster@example.com", ruleText, true, true, "<>"}},
         2s,
         {pass, pass, markNull, loop}},
        {"plus extensions change nothing",
         {{"desk+1@example.org", deskText, false}, {"joe@example.com", ruleText, false}},
         2s,
         {pass, pass, mark, loop}},
        {"one side never writes the same",
         {{"desk@example.org", deskText}, {"joe@example.com", "Proverb of the day: % " + deskText}},
         2s,
         {pass, pass, mark, loop}},
    };
    for (const Case& c : cases) {
        CAPTURE(c.what);
        Site site;
        CHECK(converse(site, c.parties, 8, c.between) == c.expected);
    }
}

TEST_CASE("loops: a report refers to what it reports") {
    Site site;
    const Mail answer{"listserv@example.org",
                      "postmaster@example.com",
                      " Unknown command",
                      "1@x",
                      "",
                      "The command is not known to this server."};
    Mail report{"postmaster@example.com",
                "listserv@example.org",
                " Undelivered",
                "2@y",
                " <1@x>",
                "Your message could not be delivered.",
                true,
                true,
                "<>"};
    CHECK(site.send(answer) == pass);
    CHECK(site.outcomeOf(report).depth == 2);
}

TEST_CASE("loops: who answers their own post to a list with the same text") {
    struct Case {
        const char* what;
        bool toList;
        bool automatic;
        std::string second;
        std::chrono::seconds between;
        bool loops;
    };
    const std::string away = "I am travelling until Monday next week.";
    for (const Case& each : {
             Case{"a program that does not say so", true, false, away, 1s, true},
             Case{"the same to a person", false, false, away, 1s, false},
             Case{"a monitor", true, true, away, 1s, false},
             Case{"another text", true, false, "I forgot: back on Tuesday.", 1s, false},
             Case{"a day later", true, false, away, 24h, false},
         }) {
        CAPTURE(each.what);
        Site site;
        Mail mail;
        mail.id = "1@example.org";
        mail.text = away;
        mail.toList = each.toList;
        mail.automatic = each.automatic;
        CHECK(site.send(mail) == pass);
        site.wait(each.between);
        mail.id = "2@example.org";
        mail.references = " <1@example.org>";
        mail.text = each.second;
        CHECK(site.send(mail) == (each.loops ? loop : pass));
    }
    // the same words to others of the thread are a person's
    Site site;
    const Mail applied{.id = "1@example.org", .text = "Applied to the branch.", .toList = true};
    CHECK(site.send(applied) == pass);
    CHECK(site.send({.from = "b@example.com",
                     .id = "2@example.com",
                     .references = " <1@example.org>",
                     .text = "And this?",
                     .toList = true}) == pass);
    CHECK(site.send({.id = "3@example.org",
                     .references = " <1@example.org> <2@example.com>",
                     .text = applied.text,
                     .toList = true}) == mark);
}

TEST_CASE("loops: loop-depth") {
    const std::vector<Party> parties{{"desk@example.org", deskText}, {"joe@example.com", ruleText}};
    for (const unsigned depth : {2U, 3U, 5U}) {
        LoopSettings settings;
        settings.depth = depth;
        Site site(settings);
        CAPTURE(depth);
        // what has never been written before is no loop, however small the depth
        CHECK(converse(site, parties, 20, 1s).size() == depth + 1);
    }
}

TEST_CASE("loops: a new loop of the same parties is a new one after the pause") {
    Site site;
    const std::vector<Party> parties{{"desk@example.org", deskText, false},
                                     {"joe@example.com", ruleText, false}};
    CHECK(converse(site, parties, 3, 61min) == Steps{pass, pass, pass});
}

TEST_CASE("loops: programs that write no Message-ID") {
    Site site;
    Steps steps;
    for (int number = 0; number < 10 && (steps.empty() || steps.back() != loop); ++number) {
        const bool desk = number % 2 == 0;
        steps.push_back(site.send({.from = desk ? "desk@example.org" : "joe@example.com",
                                   .to = desk ? "joe@example.com" : "desk@example.org",
                                   .text = desk ? "We have your mail now." : ruleText}));
        site.wait(2s);
    }
    CHECK(steps == Steps{pass, pass, mark, loop});
}

TEST_CASE("loops: members of a list who are away and do not say so") {
    for (const std::size_t count : {1U, 2U, 3U, 10U}) {
        CAPTURE(count);
        Site site;
        struct Post {
            std::string id;
            std::string author;
        };
        std::vector<Post> expanded;
        const auto post = [&](const std::string& author, const std::string& answered) {
            const std::string id = std::to_string(expanded.size()) + "@" + author;
            const auto step =
                site.send({.from = author,
                           .to = "team@example.org",
                           .id = id,
                           .references = answered.empty() ? "" : " <" + answered + ">",
                           .text = "I, " + author + ", am travelling until the summer ends.",
                           .toList = true});
            if (step != loop)
                expanded.push_back({id, author});
        };
        post("p@example.org", "");
        for (std::size_t at = 0; at < expanded.size() && expanded.size() < 1000; ++at) {
            site.wait(1s);
            for (std::size_t member = 0; member < count; ++member)
                if (const auto author =
                        std::string(1, static_cast<char>('a' + member)) + "@b.example";
                    author != expanded[at].author)
                    post(author, Post(expanded[at]).id);
        }
        CHECK(expanded.size() == 1 + count);
    }
}

TEST_CASE("loops: answers of an absent member that overtake each other") {
    for (const std::vector<int>& order : {std::vector{1, 2, 3}, {2, 1, 3}, {3, 2, 1}, {2, 3, 1}}) {
        CAPTURE(order[0] * 100 + order[1] * 10 + order[2]);
        Site site;
        const auto post = [&](const std::string& from, const std::string& id,
                              const std::string& answered) {
            return site.send({.from = from,
                              .to = "team@example.org",
                              .id = id,
                              .references = answered.empty() ? "" : " <" + answered + "@x>",
                              .text = "I, " + from + ", am travelling until the summer ends.",
                              .toList = true});
        };
        CHECK(post("p@example.org", "1@x", "") == pass);
        CHECK(post("b@example.org", "2@x", "1") == pass);
        CHECK(post("c@example.org", "3@x", "1") == pass);
        int passed = 0;
        for (const int answered : order)
            passed += post("a@example.org", "answer" + std::to_string(answered) + "@x",
                           std::to_string(answered)) == pass
                          ? 1
                          : 0;
        CHECK(passed == 1);
    }
}

TEST_CASE("loops: a post that was cut is cut again when it is tried again") {
    Site site;
    const auto post = [&](const char* from, const char* id, const char* answered,
                          const char* text) {
        return site.send({.from = from,
                          .to = "team@example.org",
                          .id = id,
                          .references = answered,
                          .text = text,
                          .toList = true});
    };
    const char* const away = "I am travelling until the summer ends.";
    CHECK(post("p@example.org", "1@x", "", "Who comes?") == pass);
    CHECK(post("a@example.org", "2@x", " <1@x>", away) == pass);
    CHECK(post("b@example.org", "3@x", " <1@x>", "I am ill and stay at home.") == pass);
    CHECK(post("a@example.org", "4@x", " <3@x>", away) == loop);
    site.wait(10min);
    CHECK(post("a@example.org", "4@x", " <3@x>", away) == loop);
    // an hour later it is a new matter
    site.wait(61min);
    CHECK(post("p@example.org", "5@x", "", "Who comes?") == pass);
    CHECK(post("a@example.org", "6@x", " <5@x>", away) == pass);
}

TEST_CASE("a message that names itself, or nothing that is known") {
    Site site;
    CHECK(site.outcomeOf({"a@x", "b@x", " S", "1@x", " <1@x> <1@x>", "t"}).depth == 1);
    CHECK(site.outcomeOf({"b@x", "a@x", " T", "2@x", " <unknown@x> > < <> <<>", "t"}).depth == 1);
    CHECK(site.outcomeOf({"b@x", "a@x", " U", "", std::string(100'000, '<'), "t"}).depth == 1);
    std::string many;
    for (int number = 0; number < 1000; ++number)
        many += " <" + std::to_string(number) + "@y>";
    CHECK(site.outcomeOf({"b@x", "a@x", " V", "3@x", many + " <1@x>", "t"}).depth == 2);
}

TEST_CASE("the store is asked once, or twice where there are references") {
    Site site;
    site.send({"a@x", "b@x", " S", "1@x", "", "t"});
    CHECK(site.store.trips == 1);
    site.send({"b@x", "a@x", " S", "2@x", " <1@x>", "t"});
    CHECK(site.store.trips == 3);
    site.store.down = true;
    const auto outcome = site.outcomeOf({"b@x", "a@x", " S", "3@x", " <1@x>", "t"});
    CHECK(outcome.storeDown);
    CHECK(outcome.step == pass);
    CHECK_FALSE(outcome.copy);
}

} // namespace
} // namespace sluice::test
