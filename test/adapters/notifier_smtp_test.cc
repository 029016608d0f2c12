// SPDX-License-Identifier: BSD-2-Clause
#include "common/log.hh"
#include "milter/adapters/host_name.hh"
#include "milter/adapters/notifier_smtp.hh"
#include "test/support/captured_stderr.hh"
#include "test/support/smtp_stub.hh"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::CapturedStderr;
using test::SmtpStub;
using Clock = std::chrono::steady_clock;

/// As in use, but without long pauses.
NotifierTimes quick() {
    NotifierTimes times;
    times.pauses = {1ms, 1ms};
    return times;
}

Notice noticeFor(const std::string& relay, const std::string& text = "Text\n") {
    return {MailAddress::fromPath("ops@example.org"), relay, "Mail loop found", text};
}

std::string idOf(const test::SmtpMail& mail) {
    const auto start = mail.data.find("\r\nMessage-ID: ");
    REQUIRE(start != std::string::npos);
    return mail.data.substr(start, mail.data.find('\r', start + 2) - start);
}

/// One reply to one command, in all connections or the first ones.
SmtpStub::Script replying(const std::string& verb, const std::string& reply,
                          unsigned connections = 1000) {
    return [=](std::string_view asked, unsigned connection) -> std::optional<std::string> {
        if (asked == verb && connection <= connections)
            return reply;
        return std::nullopt;
    };
}

TEST_CASE("notifier: a notice is delivered once, from the null sender") {
    const CapturedStderr captured;
    SmtpStub server;
    {
        SmtpNotifier notifier(quick());
        CHECK(notifier.send(noticeFor(server.address(), ".\n..dots\nümlaut\n.\n")));
        REQUIRE(server.waitForCommand("QUIT"));
    }
    const auto mails = server.mails();
    REQUIRE(mails.size() == 1);
    CHECK(server.connections() == 1);
    CHECK(mails[0].helo == systemHostName());
    CHECK((mails[0].from == "FROM:<>" || mails[0].from.starts_with("FROM:<> SIZE=")));
    CHECK(mails[0].recipients == std::vector<std::string>{"TO:<ops@example.org>"});
    CHECK(mails[0].data.starts_with("Date: "));
    CHECK(mails[0].data.ends_with("\r\n\r\n.\r\n..dots\r\n=C3=BCmlaut\r\n.\r\n"));
    CHECK(mails[0].data.find("\r\nSubject: Mail loop found\r\n") != std::string::npos);
}

TEST_CASE("notifier: odd recipients reach the server as they are") {
    const CapturedStderr captured;
    SmtpStub server;
    SmtpNotifier notifier(quick());
    for (const char* const path : {"\"a@b> c\"@example.org", "a@[127.0.0.1]", "+@example.org"}) {
        Notice notice = noticeFor(server.address());
        notice.to = MailAddress::fromPath(path);
        CHECK(notifier.send(notice));
    }
    REQUIRE(server.waitForMails(3));
    const auto mails = server.mails();
    CHECK(mails[0].recipients == std::vector<std::string>{"TO:<\"a@b> c\"@example.org>"});
    CHECK(mails[1].recipients == std::vector<std::string>{"TO:<a@[127.0.0.1]>"});
    CHECK(mails[2].recipients == std::vector<std::string>{"TO:<+@example.org>"});
}

TEST_CASE("notifier: each message has an id of its own") {
    const CapturedStderr captured;
    SmtpStub server;
    constexpr std::size_t count = 10;
    SmtpNotifier notifier(quick());
    for (std::size_t i = 0; i < count; ++i)
        CHECK(notifier.send(noticeFor(server.address())));
    REQUIRE(server.waitForMails(count));
    std::set<std::string> ids;
    for (const auto& mail : server.mails())
        ids.insert(idOf(mail));
    CHECK(ids.size() == count);
}

TEST_CASE("notifier: a server that puts off is tried again") {
    for (const std::string verb : {"CONNECT", "MAIL", "RCPT", "DATA", "."}) {
        CAPTURE(verb);
        CapturedStderr captured;
        SmtpStub server(replying(verb, "451 4.7.1 later", 2));
        SmtpNotifier notifier(quick());
        CHECK(notifier.send(noticeFor(server.address())));
        CHECK(server.waitForMails(1));
        CHECK(server.connections() == 3);
        CHECK(captured.line().find("info daemon: a notice is sent to ops@example.org") !=
              std::string::npos);
        CHECK(server.mails().size() == 1);
    }
}

TEST_CASE("notifier: after three tries a notice is lost, and the next one is sent") {
    CapturedStderr captured;
    SmtpStub server(replying("RCPT", "450 4.2.0 \x1b[2Jnever", 3));
    SmtpNotifier notifier(quick());
    CHECK(notifier.send(noticeFor(server.address())));
    CHECK(notifier.send(noticeFor(server.address(), "second\n")));
    const std::string line = captured.line();
    CAPTURE(line);
    CHECK(line.find("error daemon: a notice to ops@example.org cannot be sent by " +
                    server.address()) != std::string::npos);
    CHECK(line.find("450 4.2.0 \\x1B[2Jnever") != std::string::npos);
    REQUIRE(server.waitForMails(1));
    CHECK(server.connections() == 4);
    CHECK(server.mails()[0].data.ends_with("\r\n\r\nsecond\r\n"));
}

TEST_CASE("notifier: a refusal is final") {
    for (const std::string verb : {"CONNECT", "MAIL", "RCPT", "DATA", "."}) {
        CAPTURE(verb);
        CapturedStderr captured;
        SmtpStub server(replying(verb, "550 5.1.1 nobody", 1));
        SmtpNotifier notifier(quick());
        CHECK(notifier.send(noticeFor(server.address())));
        CHECK(captured.line().find("550 5.1.1 nobody") != std::string::npos);
        CHECK(notifier.send(noticeFor(server.address(), "second\n")));
        REQUIRE(server.waitForMails(1));
        CHECK(server.connections() == 2);
        CHECK(server.mails()[0].data.ends_with("second\r\n"));
    }
}

TEST_CASE("notifier: nobody listens") {
    CapturedStderr captured;
    const std::string gone = SmtpStub().address();
    SmtpNotifier notifier(quick());
    CHECK(notifier.send(noticeFor(gone)));
    CHECK(captured.line().find("cannot be sent by " + gone) != std::string::npos);
}

TEST_CASE("notifier: a silent server is left after some time") {
    CapturedStderr captured;
    SmtpStub server(replying(".", ""));
    NotifierTimes times = quick();
    times.patience.total = 200ms;
    SmtpNotifier notifier(times);
    CHECK(notifier.send(noticeFor(server.address())));
    CHECK(captured.line().find("cannot be sent by") != std::string::npos);
    CHECK(server.connections() == 3);
}

TEST_CASE("notifier: a server that is silent after it has taken a notice gets it once") {
    const CapturedStderr captured;
    SmtpStub server(replying("QUIT", "", 1));
    NotifierTimes times = quick();
    times.patience.total = 3s;
    SmtpNotifier notifier(times);
    CHECK(notifier.send(noticeFor(server.address(), "first\n")));
    CHECK(notifier.send(noticeFor(server.address(), "second\n")));
    REQUIRE(server.waitForMails(2));
    CHECK(server.connections() == 2);
    CHECK(server.mails()[1].data.ends_with("second\r\n"));
}

TEST_CASE("notifier: ends in time wherever a server is silent") {
    for (const std::string verb : {"CONNECT", "EHLO", "MAIL", "RCPT", "DATA", ".", "QUIT"}) {
        CAPTURE(verb);
        CapturedStderr captured;
        SmtpStub server(replying(verb, ""));
        std::optional<SmtpNotifier> notifier(std::in_place, quick());
        CHECK(notifier->send(noticeFor(server.address())));
        CHECK(notifier->send(noticeFor(server.address())));
        REQUIRE(server.waitForCommand(verb));
        const auto before = Clock::now();
        notifier.reset();
        CHECK(Clock::now() - before < 5s);
        const bool delivered = verb == "QUIT";
        const std::string lines = captured.rest();
        CAPTURE(lines);
        CHECK(lines.find(fmt::format("notices not sent, because sluice stops: {}\n",
                                     delivered ? 1 : 2)) != std::string::npos);
        CHECK((lines.find("a notice is sent") != std::string::npos) == delivered);
        CHECK(lines.find("cannot be sent") == std::string::npos);
    }
}

TEST_CASE("notifier: ends in time between two tries") {
    CapturedStderr captured;
    SmtpStub server(replying("MAIL", "451 later"));
    NotifierTimes times;
    times.pauses = {1h, 1h};
    LogLevels levels;
    levels.set(LogCategory::daemon, LogLevel::debug);
    log::setLevels(levels);
    std::optional<SmtpNotifier> notifier(std::in_place, times);
    CHECK(notifier->send(noticeFor(server.address())));
    CHECK(captured.line().find("debug daemon: a notice to ops@example.org waits: ") !=
          std::string::npos);
    log::setLevels(LogLevels());
    const auto before = Clock::now();
    notifier.reset();
    CHECK(Clock::now() - before < 5s);
    CHECK(captured.line().find("notices not sent, because sluice stops: 1") != std::string::npos);
}

TEST_CASE("notifier: too many notices wait") {
    CapturedStderr captured;
    SmtpStub server(replying("EHLO", "", 1));
    NotifierTimes times = quick();
    times.logInterval = 1h;
    {
        SmtpNotifier notifier(times);
        CHECK(notifier.send(noticeFor(server.address())));
        REQUIRE(server.waitForCommand("EHLO")); // it waits no more
        for (std::size_t i = 0; i < SmtpNotifier::maxWaiting; ++i)
            REQUIRE(notifier.send(noticeFor(server.address())));
        const auto before = Clock::now();
        for (int i = 0; i < 10; ++i)
            CHECK_FALSE(notifier.send(noticeFor(server.address())));
        CHECK(Clock::now() - before < 5s);
    }
    CHECK(captured.line().find("error daemon: a notice to ops@example.org is not sent: "
                               "100 wait already") != std::string::npos);
    CHECK(captured.line().find("notices not sent, because sluice stops: 101") != std::string::npos);
    CHECK(captured.rest().empty());
}

TEST_CASE("notifier: lines that were kept back are counted") {
    CapturedStderr captured;
    NotifierTimes times = quick();
    times.logInterval = 200ms;
    SmtpNotifier notifier(times);
    CHECK_FALSE(notifier.send(noticeFor("here")));
    CHECK(captured.line().ends_with("error daemon: \"here\" is no HOST:PORT: it has no port"));
    Notice notice = noticeFor("127.0.0.1:25");
    notice.to = MailAddress();
    std::string line;
    std::size_t keptBack = 0;
    for (; line.empty(); ++keptBack) {
        CHECK_FALSE(notifier.send(notice));
        line = captured.line(10);
    }
    --keptBack;
    REQUIRE(keptBack > 0);
    CHECK(line.ends_with(
        fmt::format("a notice has no recipient (and {} more since the last such line)", keptBack)));
}

TEST_CASE("notifier: proxies of the environment are for others") {
    const CapturedStderr captured;
    SmtpStub server;
    setenv("ALL_PROXY", "socks5://127.0.0.1:1", 1);
    {
        SmtpNotifier notifier(quick());
        CHECK(notifier.send(noticeFor(server.address())));
        CHECK(server.waitForMails(1));
    }
    unsetenv("ALL_PROXY");
}

TEST_CASE("notifier: many threads") {
    const CapturedStderr captured;
    SmtpStub server;
    SmtpNotifier notifier(quick());
    constexpr std::size_t threadCount = 4;
    constexpr std::size_t each = 10;
    std::atomic<std::size_t> taken{0};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < threadCount; ++i)
        threads.emplace_back([&] {
            for (std::size_t n = 0; n < each; ++n)
                taken += notifier.send(noticeFor(server.address())) ? 1U : 0U;
        });
    for (auto& thread : threads)
        thread.join();
    CHECK(taken == threadCount * each);
    CHECK(server.waitForMails(threadCount * each));
    CHECK(server.connections() == threadCount * each);
}

} // namespace
} // namespace sluice
