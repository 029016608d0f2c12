// SPDX-License-Identifier: BSD-2-Clause
#include "milter/config.hh"
#include "milter/config_values.hh"
#include "milter/policy/domain_rewrite_rules.hh"
#include "test/milter/config_file.hh"
#include "test/support/capture_value.hh"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice;
using sluice::test::ConfigFile;

namespace {

Config load(const std::string& text, std::vector<Problem>& problems) {
    const ConfigFile file(text);
    CommandLine line;
    line.configFile = file.path();
    return makeConfig(mergedSettings(line, problems), problems);
}

} // namespace

TEST_CASE("each wrong value is named with its line and option") {
    struct Case {
        const char* line;
        const char* option;
        const char* value; ///< must be in the message
    };
    const std::vector<Case> cases = {
        {"deny-ip = 192.0.2.0/33", "deny-ip", "/33"},
        {"accept-ip = 192.0.2.0/255.0.255.0", "accept-ip", "255.0.255.0"},
        {"restrict-ip = 192.0.2.1/24", "restrict-ip", "192.0.2.1/24"},
        {"trusted = localhost", "trusted", "localhost"},
        {"deny-ip = 192.0.2.1 expires=2026-02-30", "deny-ip", "2026-02-30"},
        {"deny-ip = 192.0.2.1 until=2026-02-03", "deny-ip", "until=2026-02-03"},
        {"deny-ip = 192.0.2.1 note=\"open", "deny-ip", "open"},
        {"dns-timeout = 2", "dns-timeout", "2"},
        {"dns-timeout = 2 s", "dns-timeout", "2 s"},
        {"dns-timeout = 10m", "dns-timeout", "10m"},
        {"dns-timeout = 0", "dns-timeout", "0"},
        {"max-size = 10X", "max-size", "10X"},
        {"max-hops = -1", "max-hops", "-1"},
        {"max-hops = 99999999999999999999", "max-hops", "99999999999999999999"},
        {"block-sender = example.org", "block-sender", "example.org"},
        {"block-recipient = @", "block-recipient", "@"},
        {"dnsbl = a list.example match=most", "dnsbl", "most"},
        {"dnsbl = a list.example match=mask:127.0.0.0", "dnsbl", "127.0.0.0"},
        {"dnsbl = a list.example reply=\"see %9\"", "dnsbl", "%9"},
        {"dnsbl = a list.example\ndnsbl = a other.example", "dnsbl", "\"a\""},
        {"listener = 587 conection", "listener", "conection"},
        {"listener = 587", "listener", "587"},
        {"listener = 25 all\nlistener = 25 sender", "listener", "25"},
        {"resolver = example.org", "resolver", "example.org"},
        {"resolver = 192.0.2.1@99999", "resolver", "99999"},
        {"resolver = system\nresolver = 192.0.2.1", "resolver", "system"},
        {"socket = /run/sluice.sock", "socket", "/run/sluice.sock"},
        {"socket = unix:sluice.sock", "socket", "sluice.sock"},
        {"socket = inet:1234", "socket", "1234"},
        {"socket = inet:70000@127.0.0.1", "socket", "70000"},
        {"socket-mode = 0888", "socket-mode", "0888"},
        {"socket-mode = 77777", "socket-mode", "77777"},
        {"socket-group = no-such-group", "socket-group", "no-such-group"},
        {"user = no-such-user", "user", "no-such-user"},
        {"mode = sleep", "mode", "sleep"},
        {"log = file", "log", "file"},
        {"log-level = loud", "log-level", "loud"},
        {"log-level = dns=debug", "log-level", "dns"},
        {"sender-action = bounce", "sender-action", "bounce"},
        {"sender-action = badmail", "sender-action", "badmail-dir"},
        {"badmail-dir = /nonexistent/badmail", "badmail-dir", "/nonexistent/badmail"},
        {"badmail-dir = /etc/passwd", "badmail-dir", "/etc/passwd"},
        {"badmail-days = 1h", "badmail-days", "1h"},
        {"badmail-days = 99999", "badmail-days", "99999"},
        {"spoof-check = maybe", "spoof-check", "maybe"},
        {"spoof-check = mark", "spoof-check", "local-domain"},
        {"check-from-header = true", "check-from-header", "true"},
        {"local-domain = exa mple", "local-domain", "exa"},
        {"local-domain = a..example", "local-domain", "a..example"},
        {"directory = /etc/passwd", "directory", "/etc/passwd"},
        {"local-domain = a.example\ndirectory = file:/nonexistent/users", "directory",
         "/nonexistent/users"},
        {"directory = ldap://ldap.example/dc=x", "directory", "local-domain"},
        {"local-domain = a.example\ndirectory = ldap://ldap.example/nonsense", "directory",
         "nonsense"},
        {"local-domain = a.example\ndirectory = ldap://ldap.example/ou=a b,dc=x", "directory",
         "%20"},
        {"local-domain = a.example\ndirectory = ldap://h/dc=x?\?\?(mail=%s)", "directory", "%s"},
        {"directory-cache = 8d", "directory-cache", "8d"},
        {"ldap-timeout = 11s", "ldap-timeout", "11s"},
        {"ldap-tls = yes", "ldap-tls", "yes"},
        {"ldap-ca-file = /etc/passwd", "ldap-ca-file", "ldap://"},
        {"harvest-limit = 20", "harvest-limit", "20"},
        {"harvest-limit = 20/0s", "harvest-limit", "20/0s"},
        {"store-share = 200000", "store-share", "200000/6h"},
        {"store-share = 0/6h", "store-share", "0/6h"},
        {"store-share = 5/999ms", "store-share", "1s"},
        {"tarpit = 5001ms", "tarpit", "5001ms"},
        {"tarpit = -1s", "tarpit", "-1s"},
        {"tarpit = 5", "tarpit", "5"},
        {"tarpit = 1s", "tarpit", "directory"},
        {"restrict-recipient = a@b.example", "restrict-recipient", "a@b.example"},
        {"restrict-recipient = a@b.example from=c@d.example", "restrict-recipient",
         "from=c@d.example"},
        {"restrict-recipient = a@b.example accept-from=nobody", "restrict-recipient", "nobody"},
        {"restrict-recipient = @b.example accept-from=everyone", "restrict-recipient",
         "@b.example"},
        {"restrict-recipient = a@b.example except=", "restrict-recipient", ""},
        {"rewrite-domain = a.example=b.example", "rewrite-domain", "local-domain"},
    };
    for (const auto& [line, option, value] : cases) {
        CAPTURE_VALUE(std::string(line));
        std::vector<Problem> problems;
        load(line, problems);
        REQUIRE(problems.size() == 1);
        INFO(problems[0].line());
        const std::size_t last = std::string(line).find('\n') == std::string::npos ? 1 : 2;
        CHECK(problems[0].where.find("/tmp/sluice-test-") == 0);
        CHECK(problems[0].where.substr(problems[0].where.rfind(':')) == ":" + std::to_string(last));
        CHECK(problems[0].what.rfind(std::string(option) + ": ", 0) == 0);
        CHECK(problems[0].what.find(value) != std::string::npos);
    }
}

TEST_CASE("each wrong rewrite-domain is named with its line") {
    struct Case {
        const char* lines; ///< the last one is wrong
        const char* value;
    };
    const std::vector<Case> cases = {
        {"a.example", "a.example"},
        {"=b.example", "empty"},
        {"a.example=", "empty"},
        {".=b.example", "empty"},
        {"a.example=.b.example", ".b.example"},
        {"a..example=b.example", "a..example"},
        {"a.example=b\xff.example", "\\xFF.example"},
        {"a.example=xn--.example x", "\"x\""},
        {"a.example=b@c.example", "b@c.example"},
        {"[192.0.2.1]=b.example", "[192.0.2.1]"},
        {"a.example=b.example to=c.example", "to=c.example"},
        {"a.example=b.example from=", "from="},
        {"a.example=b.example from=inside", "inside"},
        {"a.example=b.example from=10.0.0.0/8,192.0.2.1/24", "192.0.2.1/24"},
        {"a.example=b.example signed=maybe", "maybe"},
        {"A.example=a.EXAMPLE.", "changes nothing"},
        {".a.example=a.example", "changes nothing"},
        {"ä.example=xn--4ca.example", "changes nothing"},
        {"a.example=b.example\nA.example.=c.example", "\"a.example\" is rewritten twice"},
        {"b.example=c.example\na.example=b.example", "b.example=c.example"},
        {".b.example=c.example\na.example=x.b.example", ".b.example=c.example"},
        {".a.example=x.a.example", ".a.example=x.a.example"},
    };
    for (const auto& [lines, value] : cases) {
        std::string text = "local-domain = a.example";
        std::size_t count = 1;
        for (const auto line : split(lines, '\n')) {
            text += "\nrewrite-domain = " + std::string(line);
            ++count;
        }
        INFO(text);
        std::vector<Problem> problems;
        load(text, problems);
        REQUIRE(problems.size() == 1);
        INFO(problems[0].line());
        CHECK(problems[0].where.substr(problems[0].where.rfind(':')) ==
              ":" + std::to_string(count));
        CHECK(problems[0].what.rfind("rewrite-domain: ", 0) == 0);
        CHECK(problems[0].what.find(value) != std::string::npos);
    }
}

TEST_CASE("rules of rewrite-domain") {
    const ConfigFile table("one.example=new.example\n.two.example=new.example  # with a comment\n");
    std::vector<Problem> problems;
    const Config config = load(
        "local-domain = new.example\n"
        "rewrite-domain = @" +
            table.path() +
            "\n"
            "rewrite-domain = .Berlin.new.example=new.example signed=yes\n"
            "rewrite-domain = Ü.example=Ä.example from=10.0.0.0/8,2001:db8::/32,authenticated\n"
            "rewrite-domain = three.example=new.example from=\"trusted, 192.0.2.1\"\n",
        problems);
    for (const Problem& problem : problems)
        FAIL(problem.line());
    const DomainRewriteRules& rules = config.policy->rewrites;
    CHECK(rules.find("one.example")->text() == "one.example=new.example");
    CHECK(rules.find("one.example")->ofTrusted);
    CHECK(rules.find("one.example")->ofAuthenticated);
    CHECK_FALSE(rules.find("one.example")->evenSigned);
    CHECK(rules.find("x.two.example")->text() == ".two.example=new.example");
    CHECK(rules.find("x.berlin.new.example")->evenSigned);
    const DomainRewriteRule* const named = rules.find("xn--tda.example");
    REQUIRE(named != nullptr);
    CHECK(named->newDomain == "xn--4ca.example");
    CHECK_FALSE(named->ofTrusted);
    CHECK(named->ofAuthenticated);
    CHECK(named->networks.contains(IpAddress::parse("10.1.2.3").value(), {}));
    CHECK(named->networks.contains(IpAddress::parse("2001:db8::1").value(), {}));
    CHECK_FALSE(named->networks.contains(IpAddress::parse("192.0.2.1").value(), {}));
    CHECK(rules.find("three.example")->ofTrusted);
    CHECK_FALSE(rules.find("three.example")->ofAuthenticated);
}

TEST_CASE("quotes have their meaning in restrictions") {
    std::vector<Problem> problems;
    const Config config = load("restrict-recipient = \"Ted Bremer\"@here.example "
                               "only-from=\"A, B\"@else.example,c@else.example\n"
                               "restrict-recipient = ted@here.example "
                               "except=\"a@b.example,c@d.example\"\n",
                               problems);
    REQUIRE(problems.empty());
    const CivilDay today{};
    const auto& ted = config.policy->recipient.restricted.at("ted bremer@here.example");
    CHECK(ted.onlyFrom.contains(MailAddress::fromPath("<\"A, B\"@else.example>"), today));
    CHECK(ted.onlyFrom.contains(MailAddress::fromPath("<c@else.example>"), today));
    CHECK(ted.onlyFrom.size() == 2);
    CHECK(config.policy->recipient.restricted.at("ted@here.example").except.size() == 2);
}

TEST_CASE("zero is no limit for badmail either") {
    std::vector<Problem> problems;
    const Config config =
        load("badmail-dir = /tmp\nbadmail-quota = 0\nbadmail-days = 0\n", problems);
    REQUIRE(config.badmail);
    CHECK(config.badmail->quota > 1ULL << 60);
    CHECK(config.badmail->keep > std::chrono::hours(24 * 365 * 50));
}

#ifdef SLUICE_LDAP
TEST_CASE("LDAP directories have what their options say") {
    std::vector<Problem> problems;
    const Config config = load("local-domain = a.example\n"
                               "directory = \"ldap://a.example,b.example/ou=a b,dc=x\"\n"
                               "directory = ldaps://c.example/dc=y??one?(mail=%a)\n"
                               "directory-cache = 2h\n"
                               "ldap-timeout = 3s\n"
                               "ldap-tls = starttls\n",
                               problems);
    REQUIRE(problems.empty());
    REQUIRE(config.ldapDirectories.size() == 2);
    CHECK(config.directoryCache == std::chrono::hours(2));
    CHECK(config.ldapDirectories[0].base == "ou=a b,dc=x");
    CHECK(config.ldapDirectories[0].servers.size() == 2);
    CHECK(config.ldapDirectories[0].security == LdapSettings::Security::startTls);
    CHECK(config.ldapDirectories[1].security == LdapSettings::Security::tls);
    for (const LdapSettings& directory : config.ldapDirectories)
        CHECK(directory.timeout == std::chrono::seconds(3));
}
#endif

TEST_CASE("a wrong line of a table is named with table and line") {
    const ConfigFile table("192.0.2.1\n192.0.2.2/40\n");
    std::vector<Problem> problems;
    load("deny-ip = @" + table.path(), problems);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].where == table.path() + ":2");
    CHECK(problems[0].what.find("192.0.2.2/40") != std::string::npos);
}

TEST_CASE("all problems are reported together") {
    std::vector<Problem> problems;
    load("deny-ip = x\nmax-hops = y\nmode = z\n", problems);
    CHECK(problems.size() == 3);
}

TEST_CASE("defaults") {
    std::vector<Problem> problems;
    const Config config = load("", problems);
    CHECK(problems.empty());
    CHECK(config.daemon.socket.text() == "unix:/run/sluice/sluice.sock");
    CHECK(config.daemon.socketMode == 0660);
    CHECK_FALSE(config.observe);
    CHECK(config.resolver.timeout == std::chrono::seconds(2));
    CHECK(config.dnsblSelfTest);
    CHECK_FALSE(config.badmail);
    CHECK(config.policy->limits.maxRecipients == 5000);
    CHECK(config.policy->limits.maxHops == 50);
    CHECK(config.policy->limits.maxSize == 0);
    CHECK(config.policy->recipient.harvestLimit == 20);
    CHECK(config.policy->recipient.tarpit == std::chrono::milliseconds(0));
    CHECK(config.harvestWindow == std::chrono::hours(1));
    CHECK(config.directoryCache == std::chrono::hours(1));
    CHECK(config.policy->sender.checkFromHeader);
    CHECK(config.policy->sender.spoofCheck == SpoofCheck::off);
}

TEST_CASE("values take effect") {
    std::vector<Problem> problems;
    const Config config = load("socket = inet6:8891@::1\n"
                               "socket-mode = 0666\n"
                               "mode = observe\n"
                               "log = stderr\n"
                               "log-level = warning\n"
                               "log-level = dnsbl=debug\n"
                               "resolver = 192.0.2.1\n"
                               "resolver = 192.0.2.2@5353\n"
                               "dns-timeout = 500ms\n"
                               "listener = Submission sender limits require-auth\n"
                               "harvest-limit = 0\n"
                               "store-share = 500/1h\n"
                               "badmail-dir = \"/tmp\"\n"
                               "badmail-quota = 10M\n"
                               "badmail-days = 2\n",
                               problems);
    CHECK(problems.empty());
    CHECK(config.daemon.socket.text() == "inet6:8891@::1");
    CHECK(config.daemon.socketMode == 0666);
    CHECK(config.observe);
    CHECK(config.daemon.logTarget == LogTarget::stderrStream);
    CHECK(config.logLevels.of[static_cast<std::size_t>(LogCategory::session)] == LogLevel::warning);
    CHECK(config.logLevels.of[static_cast<std::size_t>(LogCategory::dnsbl)] == LogLevel::debug);
    CHECK(config.resolver.servers == std::vector<std::string>{"192.0.2.1", "192.0.2.2@5353"});
    CHECK(config.resolver.timeout == std::chrono::milliseconds(500));
    const auto& listener = config.policy->listeners.at("submission");
    CHECK(listener.authRequired);
    CHECK(listener.areas.has(Area::sender));
    CHECK_FALSE(listener.areas.has(Area::connection));
    CHECK(config.policy->recipient.harvestLimit == 0);
    CHECK(config.daemon.storeShare.ofClient == 500);
    CHECK(config.daemon.storeShare.ofAll == 5000);
    CHECK(config.daemon.storeShare.period == std::chrono::hours(1));
    REQUIRE(config.badmail);
    CHECK(config.badmail->directory == "/tmp");
    CHECK(config.badmail->quota == 10ULL << 20);
    CHECK(config.badmail->keep == std::chrono::hours(48));
}
