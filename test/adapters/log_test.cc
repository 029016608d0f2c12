// SPDX-License-Identifier: BSD-2-Clause
#include "common/log.hh"
#include "common/text.hh"
#include "common/timestamp.hh"
#include "test/support/capture_value.hh"
#include "test/support/captured_stderr.hh"
#include "test/support/text_shape.hh"
#include "test/support/thread_of_its_own.hh"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace sluice {
namespace {

/// For want of memory.
struct Unprintable {};

} // namespace
} // namespace sluice

template<>
struct fmt::formatter<sluice::Unprintable> : fmt::formatter<int> {
    template<typename Context>
    auto format(const sluice::Unprintable&, Context& context) const -> decltype(context.out()) {
        throw std::bad_alloc();
    }
};

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::CapturedStderr;

constexpr auto daemon = LogCategory::daemon;

/// Without its time, which must be one.
std::string afterTime(const std::string& line) {
    const auto length = test::timestampShape.size();
    if (line.size() <= length || line[length] != ' ' ||
        !test::hasShape(line.substr(0, length), test::timestampShape))
        return "no time: " + line;
    return line.substr(length + 1);
}

/// What "N log lines dropped" says; 0 for other lines.
std::size_t droppedIn(const std::string& line) {
    std::string_view text = line;
    constexpr std::string_view before = " warning daemon: ";
    constexpr std::string_view behind = " log lines dropped";
    const auto start = text.find(before);
    if (start == std::string_view::npos || !text.ends_with(behind))
        return 0;
    text.remove_prefix(start + before.size());
    text.remove_suffix(behind.size());
    return parseUnsigned(text).value_or(0);
}

/// A variable of the environment for as long as this lives.
class Environment {
public:
    Environment(const char* name, const std::string& value) : name_(name) {
        if (const char* before = std::getenv(name))
            before_ = before;
        setenv(name, value.c_str(), 1);
        tzset();
    }
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;
    ~Environment() {
        if (before_)
            setenv(name_, before_->c_str(), 1);
        else
            unsetenv(name_);
        tzset();
    }

private:
    const char* name_;
    std::optional<std::string> before_;
};

TEST_CASE("log: names that are none") {
    for (const auto* const name : {"", "Error", "warn", "debug ", "all"})
        CHECK_FALSE(logLevelFromName(name).has_value());
    for (const auto* const name : {"", "Daemon", "dns", "directory "})
        CHECK_FALSE(logCategoryFromName(name).has_value());
}

TEST_CASE("log: names are read back") {
    for (const auto level : {LogLevel::error, LogLevel::warning, LogLevel::info, LogLevel::debug})
        CHECK(logLevelFromName(logLevelName(level)) == level);
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < logCategoryCount; ++i) {
        const auto category = static_cast<LogCategory>(i);
        CHECK(logCategoryFromName(logCategoryName(category)) == category);
        names.insert(logCategoryName(category));
    }
    CHECK(names.size() == logCategoryCount);
    CHECK(logCategoryName(LogCategory::directory) == "directory");
    CHECK(logLevelName(LogLevel::warning) == "warning");
}

TEST_CASE("log: each category has its level") {
    LogLevels levels;
    levels.setAll(LogLevel::warning);
    levels.set(LogCategory::dnsbl, LogLevel::debug);
    levels.set(LogCategory::directory, LogLevel::error);
    log::setLevels(levels);
    CHECK_FALSE(log::enabled(daemon, LogLevel::info));
    CHECK_FALSE(log::enabled(daemon, LogLevel::debug));
    CHECK(log::enabled(daemon, LogLevel::warning));
    CHECK(log::enabled(daemon, LogLevel::error));
    CHECK(log::enabled(LogCategory::dnsbl, LogLevel::debug));
    CHECK_FALSE(log::enabled(LogCategory::directory, LogLevel::warning));
    CHECK(log::enabled(LogCategory::directory, LogLevel::error));

    CapturedStderr captured;
    log::info(daemon, "not {}", "this");
    log::debug(LogCategory::dnsbl, "but {}", "this");
    CHECK(afterTime(captured.line()) == "debug dnsbl: but this");
    CHECK(captured.rest().empty());
    log::setLevels(LogLevels());
    CHECK(log::enabled(daemon, LogLevel::info));
    CHECK_FALSE(log::enabled(daemon, LogLevel::debug));
}

TEST_CASE("log: without a thread lines are written at once") {
    CapturedStderr captured;
    log::error(LogCategory::config, "{}:{}: bad", "file", 7);
    CHECK(afterTime(captured.line(0)) == "error config: file:7: bad");
    log::start(LogTarget::stderrStream, "sluice-test");
    log::stop();
    log::stop();
    log::warning(LogCategory::config, "late");
    CHECK(afterTime(captured.line(0)) == "warning config: late");
}

TEST_CASE("log: a line has no line break and no other control character") {
    CapturedStderr captured;
    log::start(LogTarget::stderrStream, "sluice-test");
    log::info(daemon, "a\nb\r\nc\x1b[2Jd\x7f{}e\tf\n", '\0');
    log::stop();
    CHECK(afterTime(captured.line()) == "info daemon: a b  c [2Jd  e\tf ");
    CHECK(captured.rest().empty());
}

TEST_CASE("log: the journal gets a priority, a stderr that is not its gets a time") {
    CapturedStderr captured;
    struct stat status {};
    REQUIRE(fstat(STDERR_FILENO, &status) == 0);
    {
        const Environment journal("JOURNAL_STREAM",
                                  fmt::format("{}:{}", status.st_dev, status.st_ino));
        log::error(daemon, "e");
        log::warning(daemon, "w");
        log::info(daemon, "i");
        CHECK(captured.rest() == "<3>error daemon: e\n<4>warning daemon: w\n<6>info daemon: i\n");
    }
    const Environment inherited("JOURNAL_STREAM",
                                fmt::format("{}:{}", status.st_dev, status.st_ino + 1));
    log::info(daemon, "i");
    CHECK(afterTime(captured.line()) == "info daemon: i");
}

TEST_CASE("log: stop() writes all that was queued, in order") {
    CapturedStderr captured;
    log::start(LogTarget::stderrStream, "sluice-test");
    for (int i = 0; i < 500; ++i)
        log::info(daemon, "line {}", i);
    log::stop();
    for (int i = 0; i < 500; ++i)
        REQUIRE(afterTime(captured.line(0)) == fmt::format("info daemon: line {}", i));
    CHECK(captured.rest().empty());
}

TEST_CASE("log: a log that takes nothing holds nobody up, and what is dropped is counted") {
    CapturedStderr captured;
    constexpr std::size_t lines = 30'000;
    log::start(LogTarget::stderrStream, "sluice-test");
    for (std::size_t i = 0; i < lines; ++i) // nobody reads: this returns all the same
        log::info(daemon, "line {} {}", i, std::string(80, '.'));

    std::size_t seen = 0;
    std::size_t dropped = 0;
    while (seen + dropped < lines) {
        const auto line = captured.line();
        REQUIRE_FALSE(line.empty());
        const auto lost = droppedIn(line);
        dropped += lost;
        seen += lost == 0 ? 1 : 0;
    }
    CHECK(seen + dropped == lines);
    CHECK(seen >= 8192);
    CHECK(seen <= 8192 + 2000); // what the pipe holds, and one
    log::info(daemon, "room again");
    log::stop();
    CHECK(afterTime(captured.line(0)) == "info daemon: room again");
    CHECK(captured.rest().empty());
}

TEST_CASE("log: stop() does not wait for ever, and nothing is lost when the log wakes up") {
    CapturedStderr captured;
    constexpr int lines = 2000; // more than a pipe holds
    log::start(LogTarget::stderrStream, "sluice-test");
    for (int i = 0; i < lines; ++i)
        log::info(daemon, "{} {}", i, std::string(80, '.'));
    const auto before = std::chrono::steady_clock::now();
    log::stop();
    const auto took = std::chrono::steady_clock::now() - before;
    CHECK(took >= 1900ms);
    CHECK(took < 10s);
    for (int i = 0; i < lines; ++i)
        REQUIRE(afterTime(captured.line()).rfind(fmt::format("info daemon: {} ", i), 0) == 0);
}

TEST_CASE("log: a line that cannot be made counts as dropped") {
    CapturedStderr captured;
    log::info(daemon, "{}", Unprintable());
    CHECK(captured.rest().empty());
    log::start(LogTarget::stderrStream, "sluice-test");
    log::info(daemon, "{}", Unprintable());
    log::stop();
    CHECK(droppedIn(captured.line(0)) == 1);
}

TEST_CASE("log: eight threads write while it is started and stopped") {
    CapturedStderr captured;
    constexpr int threadCount = 8;
    constexpr int each = 40;
    std::vector<std::thread> threads;
    for (int number = 0; number < threadCount; ++number)
        threads.emplace_back([number] {
            for (int i = 0; i < each; ++i) {
                log::info(daemon, "{}/{}", number, i);
                if (i % 10 == 0 && number % 2 == 0)
                    log::start(LogTarget::stderrStream, "sluice-test");
                else if (i % 10 == 5)
                    log::stop();
            }
        });
    for (auto& thread : threads)
        thread.join();
    log::stop();
    std::set<std::string> seen;
    for (int i = 0; i < threadCount * each; ++i)
        seen.insert(afterTime(captured.line(0)));
    CHECK(seen.size() == threadCount * each);
    CHECK(seen.count("info daemon: 7/39") == 1);
    CHECK(captured.rest().empty());
}

/// Listens where syslog(3) sends to.
class SyslogSocket {
public:
    SyslogSocket() : descriptor_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::snprintf(address.sun_path, sizeof address.sun_path, "/dev/log");
        const timeval patience{10, 0};
        setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        bound_ =
            bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    SyslogSocket(const SyslogSocket&) = delete;
    SyslogSocket& operator=(const SyslogSocket&) = delete;
    ~SyslogSocket() { close(descriptor_); }

    [[nodiscard]] bool bound() const { return bound_; }
    std::string receive() const {
        std::array<char, 4096> datagram{};
        const ssize_t octets = recv(descriptor_, datagram.data(), datagram.size(), 0);
        return octets < 0 ? "nothing"
                          : std::string(datagram.data(), static_cast<std::size_t>(octets));
    }

private:
    int descriptor_;
    bool bound_ = false;
};

TEST_CASE("log: syslog gets facility mail, the priority, the identity and the process") {
    const bool ran = test::withOwnMounts([] {
        REQUIRE(mount("none", "/dev", "tmpfs", 0, "size=64k") == 0);
        const SyslogSocket socket;
        REQUIRE(socket.bound());
        log::start(LogTarget::syslog, "sluice-test");
        const std::map<LogLevel, int> priorities{
            {LogLevel::error, 19}, {LogLevel::warning, 20}, {LogLevel::info, 22}};
        for (const auto& [level, priority] : priorities) {
            log::at(level, LogCategory::dnsbl, "a %s line");
            const auto received = socket.receive();
            CAPTURE(received);
            CHECK(received.rfind(fmt::format("<{}>", priority), 0) == 0);
            CHECK(received.find(fmt::format(" sluice-test[{}]: {} dnsbl: a %s line", getpid(),
                                            logLevelName(level))) != std::string::npos);
        }
        log::stop();
    });
    if (!ran)
        MESSAGE("skipped: no right to mount");
}

TEST_CASE("log: a syslog that takes nothing holds nobody up") {
    const bool ran = test::withOwnMounts([] {
        REQUIRE(mount("none", "/dev", "tmpfs", 0, "size=64k") == 0);
        const SyslogSocket socket;
        REQUIRE(socket.bound());
        log::start(LogTarget::syslog, "sluice-test");
        for (int i = 0; i < 1000; ++i)
            log::info(daemon, "line {}.", i);
        std::thread stopper(log::stop); // the socket holds a few datagrams only
        for (int i = 0; i < 1000; ++i)
            REQUIRE(socket.receive().find(fmt::format(" line {}.", i)) != std::string::npos);
        stopper.join();
    });
    if (!ran)
        MESSAGE("skipped: no right to mount");
}

TEST_CASE("timestamp: local time with its offset") {
    const auto at = std::chrono::system_clock::from_time_t(1'769'860'809) + 123'456us;
    struct Case {
        const char* zone; ///< POSIX form
        const char* text;
    };
    const Case cases[] = {
        {"UTC0", "2026-01-31T12:00:09.123+00:00"},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-01-31T13:00:09.123+01:00"},
        {"IST-5:30", "2026-01-31T17:30:09.123+05:30"},
        {"NST3:30", "2026-01-31T08:30:09.123-03:30"},
    };
    for (const auto& [zone, text] : cases) {
        CAPTURE_VALUE(zone);
        const Environment environment("TZ", zone);
        CHECK(formatTimestamp(at) == text);
    }
    const Environment environment("TZ", "UTC0");
    CHECK(formatTimestamp(std::chrono::system_clock::from_time_t(0) - 1ms) ==
          "1969-12-31T23:59:59.999+00:00");
}

} // namespace
} // namespace sluice
