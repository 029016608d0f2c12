// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/audit/postfix_milters.hh"
#include "milter/ctl/audit/postfix_settings.hh"
#include "milter/ctl/audit/sendmail_filters.hh"
#include "milter/ctl/audit/sluice_settings.hh"
#include "milter/ctl/child_process.hh"
#include "test/support/capture_value.hh"
#include "test/support/scratch_directory.hh"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace sluice;
using namespace sluice::ctl::audit;
using std::chrono::seconds;
using WhenAway = MilterUse::WhenAway;

TEST_CASE("a program that is not there, writes without end or hangs is an error") {
    using ctl::runProgram;
    using std::chrono::milliseconds;
    constexpr milliseconds patience{20'000};
    CHECK_FALSE(runProgram("/nowhere/program", {}, 100, patience));
    CHECK_FALSE(runProgram("/bin/sh", {"-c", "while :; do echo x; done"}, 1000, patience));
    CHECK_FALSE(runProgram("/bin/sh", {"-c", "exec sleep 60"}, 1000, milliseconds(50)));
    const auto ran =
        runProgram("/bin/sh", {"-c", "echo out; echo err >&2; exit 3"}, 1000, patience);
    REQUIRE(ran);
    CHECK(ran->status == 3);
    CHECK(ran->out == "out\n");
    CHECK(ran->err == "err\n");
    CHECK(runProgram("/bin/sh", {"-c", "kill -9 $$"}, 1000, patience)->status == 128 + 9);
    CHECK(ctl::findProgram("sh"));
    CHECK_FALSE(ctl::findProgram("no-such-program-at-all"));
}

TEST_CASE("sockets that are the same, and others") {
    struct Row {
        const char* a;
        const char* b;
        bool same;
    };
    for (const auto& [a, b, same] : {
             Row{"", "", false},
             Row{"nonsense", "nonsense", false},
             Row{"unix:/run/a", "unix:/run/b", false},
             Row{"unix:/run/a", "inet:25@localhost", false},
             Row{"inet:25@127.0.0.1", "inet:26@127.0.0.1", false},
             Row{"inet:25@127.0.0.1", "inet:25@192.0.2.1", false},
             Row{"inet:25@127.0.0.1", "inet:25@filter.example", false},
             Row{"unix:/run/a", "local:/run/a", true},
             Row{"unix:/run/a", "/run/a", true},
             Row{"inet:25@127.0.0.1", "inet:25@localhost", true},
             Row{"inet6:25@[::1]", "inet:25@LOCALHOST", true},
             Row{"inet:25@0.0.0.0", "inet:25@filter.example", true},
             Row{"inet:25@192.0.2.1", "inet:25@filter.example", true},
         }) {
        CAPTURE_VALUE(a);
        CAPTURE_VALUE(b);
        CHECK(isSame(parseEndpoint(a), parseEndpoint(b)) == same);
    }
}

TEST_CASE("milters of Postfix") {
    const MilterDefaults defaults{WhenAway::reject, seconds(1), seconds(2), seconds(3)};
    CHECK(parsePostfixMilters("", defaults, "/q", {}).empty());
    CHECK(parsePostfixMilters("{ }", defaults, "/q", {}).empty());
    CHECK_FALSE(parsePostfixMilters("inet:25", defaults, "/q", {}).front().endpoint.known());
    const auto uses = parsePostfixMilters(
        "inet:[::1]:8891, unix:s/sluice.sock {unix:/run/x, default_action=accept, {connect_timeout "
        "= 10s} command_timeout=1m, content_timeout=bad, x}",
        defaults, "/q", {"main.cf", 7});
    REQUIRE(uses.size() == 3);
    CHECK(uses[0].endpoint.host == "::1");
    CHECK(uses[0].endpoint.port == "8891");
    CHECK(uses[0].whenAway == WhenAway::reject);
    CHECK(uses[0].command == seconds(2));
    CHECK(uses[1].endpoint.path == "/q/s/sluice.sock");
    CHECK(uses[2].endpoint.path == "/run/x");
    CHECK(uses[2].whenAway == WhenAway::accept);
    CHECK(uses[2].connect == seconds(10));
    CHECK(uses[2].command == seconds(60));
    CHECK(uses[2].content == seconds(3));
    CHECK(uses[2].place.text() == "main.cf:7");
}

TEST_CASE("settings of Postfix have the value of their service, and their line") {
    PostfixSettings::Printed printed;
    printed.parameters = "a = 1\nempty =\ncompatibility_level = 0\nnonsense\n";
    printed.services = "smtp       inet  n       -       -       -       -       smtpd\n"
                       "587        inet  n       -       n       -       -       smtpd -o a=2\n"
                       "smtpd      pass  -       -       y       -       -       smtpd\n"
                       "pickup     unix  n       -       y       60      1       pickup\n"
                       "short inet\n";
    printed.overrides = "587/inet/a = 2\n587/inet/empty =\n";
    printed.mainText = "# a = 0\na = 0\n  more\n\na=1\n";
    printed.masterText = "smtp inet n - - - - smtpd\n# x\n587 inet n - n - - smtpd\n  -o a=2\n";
    const PostfixSettings settings = PostfixSettings::parse("/etc/p", printed);
    REQUIRE(settings.services().size() == 3);
    const auto& smtp = settings.services()[0];
    const auto& submission = settings.services()[1];
    CHECK(settings.value("a") == "1");
    CHECK(settings.value("empty").empty());
    CHECK(settings.value("unheard").empty());
    CHECK(settings.value(smtp, "a") == "1");
    CHECK(settings.value(submission, "a") == "2");
    CHECK(settings.isOverridden(submission, "empty"));
    CHECK_FALSE(settings.isOverridden(smtp, "a"));
    CHECK(settings.place("a").text() == "/etc/p/main.cf:5");
    CHECK(settings.place("unheard").text() == "/etc/p/main.cf");
    CHECK(submission.place.text() == "/etc/p/master.cf:3");
    CHECK(smtp.chroot);
    CHECK_FALSE(submission.chroot);
    CHECK(settings.services()[2].chroot);
}

TEST_CASE("filters of Sendmail") {
    const MilterUse bare = parseSendmailFilter("dkim", {"sendmail.cf", 3});
    CHECK(bare.name == "dkim");
    CHECK_FALSE(bare.endpoint.known());
    CHECK(bare.whenAway == WhenAway::accept);
    CHECK(bare.connect == seconds(300));
    CHECK(bare.command == seconds(10));
    const MilterUse whole = parseSendmailFilter(
        "sluice, S=inet:25@filter.example, F=T, T=C:30s;S:5s;R:20s;E:1m;X:1;nonsense;E:bad", {});
    CHECK(whole.endpoint.port == "25");
    CHECK(whole.endpoint.host == "filter.example");
    CHECK(whole.whenAway == WhenAway::tempfail);
    CHECK(whole.connect == seconds(30));
    CHECK(whole.command == seconds(20));
    CHECK(whole.content == seconds(60));
    CHECK(parseSendmailFilter("x, F=R", {}).whenAway == WhenAway::reject);
}

TEST_CASE("a daemon of Sendmail has its own filters, or those of all") {
    SendmailFilterLines lines;
    lines.filters = {{"a, S=local:/a", {"f", 1}}, {"b, S=local:/b", {"f", 2}}};
    lines.inputFilters = {"a, b, unheard", {"f", 3}};
    MtaFacts alone;
    readSendmailFilters(lines, alone);
    REQUIRE(alone.listeners.size() == 1);
    CHECK(alone.listeners[0].milters.size() == 2);
    lines.daemons = {{"Name=MTA, Port=25", {"f", 4}},
                     {"Name=MSA, Addr=127.0.0.1, InputMailFilters=b", {"f", 5}},
                     {"Name=None, InputMailFilters=", {"f", 6}}};
    MtaFacts facts;
    readSendmailFilters(lines, facts);
    REQUIRE(facts.listeners.size() == 3);
    CHECK(facts.listeners[0].milters.size() == 2);
    CHECK(facts.listeners[0].place.line == 3);
    CHECK_FALSE(facts.listeners[0].ownMilters);
    REQUIRE(facts.listeners[1].milters.size() == 1);
    CHECK(facts.listeners[1].milters[0].name == "b");
    CHECK(facts.listeners[1].loopback);
    CHECK(facts.listeners[1].place.line == 5);
    CHECK(facts.listeners[2].milters.empty());
}

TEST_CASE("sluice's own settings, as it prints them") {
    CHECK_FALSE(parseSettings("list = @/nowhere/table  # default\n"));
    const test::ScratchDirectory directory;
    test::writeFile(directory.path("lists"), "# lists\ntable@x.example return-path=null\n");
    const auto settings = parseSettings(
        "# robot is not set  # default\n"
        "socket = unix:/run/s.sock  # default\n"
        "dns-timeout = 3s  # /etc/s.conf:4\n"
        "local-domain = x.example  # command line\n"
        "list = \"A # b\"@x.example return-path=owner:anna@x.example  # /etc/s.conf:5\n"
        "list = c@x.example bounces-to=\"d e\"@x.example only-from=@x.example  # /etc/s.conf:6\n"
        "list = k@x.example return-path=keep except=a@b.example accept-from=everyone  # /etc/s:7\n"
        "list = @" +
        directory.path("lists") +
        "  # /etc/s.conf:8\n"
        "robot = desk@x.example  # /etc/s.conf:9\n"
        "mode = observe  # /etc/s.conf:10\n"
        "bounce-domain = B.Example.  # /etc/s.conf:11\n");
    REQUIRE(settings);
    CHECK(settings->socket.path == "/run/s.sock");
    CHECK(settings->dnsTimeout == seconds(3));
    CHECK(settings->localDomains.contains("x.example"));
    CHECK(settings->robots.size() == 1);
    CHECK(settings->observes);
    CHECK_FALSE(settings->hasKeys);
    CHECK(settings->bounceDomain == "b.example");
    REQUIRE(settings->lists.size() == 4);
    CHECK(settings->lists[0].address.local() == "a # b");
    CHECK(settings->lists[0].returnPath == ReturnPath::owner);
    CHECK(settings->lists[0].returnTo.key() == "anna@x.example");
    CHECK(settings->lists[0].place.text() == "/etc/s.conf:5");
    CHECK_FALSE(settings->lists[0].closed);
    CHECK(settings->lists[1].returnPath == ReturnPath::signedAddress);
    CHECK(settings->lists[1].bouncesTo->local() == "d e");
    CHECK(settings->lists[1].closed);
    CHECK(settings->lists[2].returnPath == ReturnPath::keep);
    CHECK_FALSE(settings->lists[2].closed);
    CHECK(settings->lists[3].returnPath == ReturnPath::null);
    CHECK(settings->lists[3].place.text() == directory.path("lists") + ":2");
    CHECK(settings->listFor(MailAddress::fromPath("C+tag@X.example")) == &settings->lists[1]);
    CHECK(settings->listFor(MailAddress::fromPath("d@x.example")) == nullptr);
}
