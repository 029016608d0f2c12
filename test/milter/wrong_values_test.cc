// SPDX-License-Identifier: BSD-2-Clause
#include "milter/config.hh"
#include "test/milter/config_file.hh"
#include "test/support/capture_value.hh"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace sluice;
using sluice::test::ConfigFile;

namespace {

const std::string key = "k 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";

struct Case {
    std::string lines;  ///< the last one is wrong
    const char* option; ///< that is named
    const char* told;   ///< must be in the message
};

std::vector<Problem> problemsOf(const std::string& text) {
    const ConfigFile file(text);
    CommandLine line;
    line.configFile = file.path();
    std::vector<Problem> problems;
    makeConfig(mergedSettings(line, problems), problems);
    return problems;
}

/// One problem, at the last line.
void checkNamed(const std::vector<Case>& cases) {
    for (const auto& [lines, option, told] : cases) {
        CAPTURE_VALUE(lines);
        const auto problems = problemsOf(lines);
        REQUIRE(problems.size() == 1);
        INFO(problems[0].line());
        const auto last = 1 + std::count(lines.begin(), lines.end(), '\n');
        CHECK(problems[0].where.substr(problems[0].where.rfind(':')) == ":" + std::to_string(last));
        CHECK(problems[0].what.rfind(std::string(option) + ": ", 0) == 0);
        CHECK(problems[0].what.find(told) != std::string::npos);
    }
}

} // namespace

TEST_CASE("wrong values of the daemon's own options") {
    checkNamed({
        {"control = inet:9@127.0.0.1", "control", "no unix:PATH"},
        {"control = /run/control", "control", "none of"},
        {"metrics = unix:/run/metrics", "metrics", "neither inet:"},
        {"metrics = inet:9", "metrics", "PORT@HOST"},
        {"socket = unix:/run/a\ncontrol = local:/run/a", "control", "the mail server connects to"},
        {"socket = inet:9@127.0.0.1\nmetrics = inet:9@127.0.0.1", "metrics",
         "\"inet:9@127.0.0.1\""},
        {"socket = unix:/" + std::string(108, 'a'), "socket", "longer"},
        {"tracking-log = tracking", "tracking-log", "no absolute path"},
        {"tracking-log = /tmp/", "tracking-log", "no absolute path"},
        {"tracking-log = /nonexistent/tracking", "tracking-log", "No such file"},
        {"tracking-log = /dev/null", "tracking-log", "/dev/null"},
        {"tracking-days = 0", "tracking-days", "0 is not"},
        {"tracking-days = 3651", "tracking-days", "3651"},
        {"key-file = /nonexistent/keys", "key-file", "No such file"},
        {"directory = \"file:/a\" b", "directory", "none of"},
    });
}

TEST_CASE("wrong values of directories") {
    const ConfigFile empty("\nsecond\n");
    const ConfigFile twoLines("first\nsecond\n");
    const ConfigFile good("secret\r\n");
    const std::string base = "local-domain = a.example\n";
    const std::string far = base + "directory = ldap://192.0.2.1/dc=x\n";
    checkNamed({
        {base + "directory = redis:users", "directory", "needs a Redis"},
        {base + "directory = \"ldap://a/dc=x\" \"b\"", "directory", "quoted"},
        {"ldap-ca-file = /etc/passwd", "ldap-ca-file", "does nothing"},
        {far + "ldap-ca-file = /etc/passwd", "ldap-ca-file", "does nothing without ldaps://"},
        {base + "directory = ldaps://a/dc=x\nldap-ca-file = /nonexistent", "ldap-ca-file",
         "cannot be read"},
        {far + "ldap-bind-dn = cn=a", "ldap-bind-dn", "needs ldap-password-file"},
        {far + "ldap-tls = starttls\nldap-password-file = " + good.path(), "ldap-password-file",
         "needs ldap-bind-dn"},
    });
    const auto logIn = [&](const std::string& password) {
        return problemsOf(
            far + "ldap-tls = starttls\nldap-bind-dn = cn=a\nldap-password-file = " + password);
    };
    CHECK(logIn(good.path()).empty());
    CHECK(logIn("/nonexistent").at(0).what.find("cannot be opened") != std::string::npos);
    CHECK(logIn(empty.path()).at(0).what.find("no password") != std::string::npos);
    CHECK(logIn(twoLines.path()).at(0).what.find("more than one line") != std::string::npos);
    const auto clear = problemsOf(far + "ldap-bind-dn = cn=a\nldap-password-file = " + good.path());
    REQUIRE(clear.size() == 1);
    CHECK(clear[0].what.find("in the clear") != std::string::npos);
}

TEST_CASE("wrong values of lists") {
    const ConfigFile keys(key);
    const std::string base = "key-file = " + keys.path() + "\n";
    checkNamed({
        {"list = team@a.example", "list", "needs key-file"},
        {base + "list = @a.example", "list", "@a.example"},
        {base + "list = a@b.example return-path=none", "list", "none of: signed"},
        {base + "list = a@b.example return-path=bcc:c@d.example", "list", "none of: signed"},
        {base + "list = a@b.example return-path=owner:c", "list", "\"c\""},
        {base + "list = a@b.example bounces-to=c", "list", "\"c\""},
        {base + "list = a@b.example open", "list", "none of: return-path="},
        {base + "list = a@b.example only-from=c", "list", "\"c\""},
        {base + "list = a@b.example bounces-to=a+x@b.example", "list", "is a list"},
        {base + "list = a@b.example return-path=manager:a@b.example", "list", "is a list"},
        {base + "list = a@b.example return-path=null\nlist = A@B.example return-path=null", "list",
         "named twice"},
        {"robot = a", "robot", "\"a\""},
        {"list = a@b.example return-path=null\nrobot = a@b.example", "robot", "a list already"},
        {"list = a@b.example return-path=null\nreport-copy = a@b.example", "report-copy",
         "is a list"},
        {"robot = r@b.example\nlist = a@b.example return-path=owner:r@b.example", "list",
         "is a robot"},
        {"bounce-domain = a..b", "bounce-domain", "a..b"},
        {"mixed-recipients = join", "mixed-recipients", "join"},
        {"restrict-recipient = a@b.example except=c@d.example\n"
         "restrict-recipient = A@b.example except=c@d.example",
         "restrict-recipient", "restricted twice"},
    });
}

TEST_CASE("wrong values of loops") {
    checkNamed({
        {"loop-depth = 1", "loop-depth", "between 2 and"},
        {"loop-depth = 101", "loop-depth", "between 2 and"},
        {"topology-passes = 11", "topology-passes", "more than 10"},
        {"loop-memory = 1s", "loop-memory", "between"},
        {"loop-memory = 8d", "loop-memory", "between"},
        {"duplicate-silence = 999ms", "duplicate-silence", "less than 1s"},
        {"duplicates = some", "duplicates", "some"},
        {"loop-block = all", "loop-block", "all"},
        {"notify = nobody", "notify", "nobody"},
        {"robot = r@b.example\nnotify = r@b.example", "notify", "is a robot"},
        {"notify-relay = a:b:c", "notify-relay", "a:b:c"},
        {"peer = two", "peer", "followed by net= and domain="},
        {"peer = two net=192.0.2.1", "peer", "followed by net= and domain="},
        {"peer = two net=192.0.2.300 domain=a.example", "peer", "192.0.2.300"},
        {"peer = two net=192.0.2.1 domain=a..b", "peer", "a..b"},
        {"peer = two host=a", "peer", "neither net= nor domain="},
        {"peer = a net=192.0.2.1 domain=b.example\npeer = A net=192.0.2.2 domain=b.example", "peer",
         "named twice"},
    });
}

TEST_CASE("wrong values of the store") {
    const ConfigFile keys(key);
    const ConfigFile password("a b c d\n");
    const ConfigFile good("user secret\n");
    const std::string base = "key-file = " + keys.path() + "\nstore = redis://127.0.0.1:6379/0\n";
    checkNamed({
        {"store = redis://127.0.0.1:6379/0", "store", "needs key-file"},
        {"store = disk", "store", "(or memory)"},
        {"redis-password-file = " + good.path(), "redis-password-file", "does nothing"},
        {base + "redis-password-file = /nonexistent", "redis-password-file", "cannot be opened"},
        {base + "redis-password-file = " + password.path(), "redis-password-file",
         password.path().c_str()},
        {base + "redis-prefix = \"a b\"", "redis-prefix", "visible ASCII"},
        {base + "redis-prefix = " + std::string(65, 'a'), "redis-prefix", "up to 64"},
        {base + "redis-timeout = 6s", "redis-timeout", "between 1ms and 5s"},
        {base + "redis-timeout = 0s", "redis-timeout", "between 1ms and 5s"},
    });
    CHECK(problemsOf(base +
                     "redis-prefix = a:\nredis-timeout = 5s\nredis-password-file = " + good.path())
              .empty());
}
