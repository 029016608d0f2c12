// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/loop_detector.hh"
#include "test/support/map_store.hh"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using Steps = std::vector<LoopStep>;

constexpr auto pass = LoopStep::pass;
constexpr auto mark = LoopStep::mark;
constexpr auto markNull = LoopStep::markAndNullSender;
constexpr auto loop = LoopStep::loop;

struct Mail {
    std::string from = "a@example.org";
    std::string to = "b@example.com";
    std::string subject = " Printer";
    std::string id = {};
    std::string references = {};
    std::string text = {};
    bool automatic = false;
    bool reaction = false;
    std::string sender = {}; ///< of the envelope; `from` when empty, "<>" for null
    bool toList = false;
};

/// A site with its clock.
class Site {
public:
    explicit Site(LoopSettings settings = {})
        : detector_(settings, KeyHasher(sha256("a secret"))) {}

    LoopOutcome outcomeOf(const Mail& mail) {
        LoopMessage message;
        message.client = IpAddress::v4(0xC0000201);
        message.author = MailAddress::fromPath(mail.from);
        message.sender = MailAddress::fromPath(mail.sender.empty() ? mail.from : mail.sender);
        message.recipients = {MailAddress::fromPath(mail.to)};
        message.messageId = mail.id;
        message.references = mail.references;
        message.subject = mail.subject;
        if (mail.toList)
            message.lists = message.recipients;
        message.automatic = mail.automatic || mail.reaction;
        message.reaction = mail.reaction;
        message.text = mail.text;
        message.bodyDigest = sha256(mail.text);
        message.bodyOctets = mail.text.size();
        return detector_.examine(store, message, now);
    }
    LoopStep send(const Mail& mail) { return outcomeOf(mail).step; }
    void wait(std::chrono::seconds time) { now += time; }

    test::MapStore store;
    SteadyTime now{1000h};

private:
    LoopDetector detector_;
};

/// How one side of a conversation writes.
struct Party {
    std::string address;
    std::string text; ///< `%` becomes the number of the message
    bool refers = true;
    bool reaction = false;
    std::string sender = {};
};

std::string numbered(std::string text, int number) {
    if (const auto at = text.find('%'); at != std::string::npos)
        text.replace(at, 1, std::to_string(number));
    return text;
}

/// What becomes of `count` messages when each party answers the one before it.
Steps converse(Site& site, const std::vector<Party>& parties, int count,
               std::chrono::seconds between) {
    Steps steps;
    std::string previous;
    for (int number = 0; number < count; ++number) {
        const Party& own = parties[static_cast<std::size_t>(number) % parties.size()];
        const Party& other = parties[static_cast<std::size_t>(number + 1) % parties.size()];
        Mail mail;
        mail.from = own.address;
        mail.to = other.address;
        mail.subject = number == 0 ? " Printer" : " Re: Printer";
        mail.id = std::to_string(number) + "@" + own.address;
        mail.references = own.refers && !previous.empty() ? " <" + previous + ">" : "";
        mail.text = numbered(own.text, number);
        mail.reaction = own.reaction;
        mail.sender = own.sender;
        steps.push_back(site.send(mail));
        if (steps.back() == loop)
            break;
        previous = mail.id;
        site.wait(between);
    }
    return steps;
}

const std::string deskText = "Your mail % has been received by the service desk.";
const std::string ruleText = "I am on holiday until the end of the month.";

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

TEST_CASE("loops: three members of a list who are away and do not say so") {
    Site site;
    const std::vector<std::string> absent{"x@a.example", "y@b.example", "z@c.example"};
    struct Post {
        std::string id;
        std::string author;
    };
    std::vector<Post> expanded;
    const auto post = [&](const std::string& author, const std::string& answered) {
        const std::string id = std::to_string(expanded.size()) + "@" + author;
        const std::string text =
            "I, " + author.substr(0, 1) + ", am travelling until the summer ends.";
        const auto step = site.send({.from = author,
                                     .to = "team@example.org",
                                     .id = id,
                                     .references = answered.empty() ? "" : " <" + answered + ">",
                                     .text = text,
                                     .toList = true});
        if (step != loop)
            expanded.push_back({id, author});
    };
    post("p@example.org", "");
    for (std::size_t at = 0; at < expanded.size() && expanded.size() < 1000; ++at)
        for (const std::string& author : absent)
            if (author != expanded[at].author)
                post(author, Post(expanded[at]).id);
    CHECK(expanded.size() <= 1 + 3 * 5);
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
} // namespace sluice
