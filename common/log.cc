// SPDX-License-Identifier: BSD-2-Clause
#include "common/log.hh"

#include "common/locked.hh"
#include "common/text.hh"
#include "common/timestamp.hh"

#include <poll.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace sluice {
namespace {

constexpr std::size_t maxQueuedLines = 8192;
/// How long stop() waits for a target that takes nothing.
constexpr std::chrono::seconds stopPatience{2};
/// While lines go on being dropped, their number is told at most this often.
constexpr std::chrono::seconds noticeInterval{1};
/// Until memory for a line may be there again.
constexpr std::chrono::milliseconds memoryPatience{100};

std::atomic<std::uint64_t> droppedInAll{0};

/// sd-daemon(3) takes the same numbers.
constexpr std::array<int, 4> syslogPriorities{LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

struct Line {
    std::chrono::system_clock::time_point time;
    LogLevel level;
    LogCategory category;
    std::string text;
};

int priorityOf(const Line& line) {
    return syslogPriorities[static_cast<std::size_t>(line.level)];
}

/// Programs started from a service inherit JOURNAL_STREAM; it speaks of this stderr only when the
/// numbers in it are those of its file (systemd.exec(5)).
bool stderrIsJournal() {
    const char* const stream = std::getenv("JOURNAL_STREAM");
    struct stat status {};
    return stream && fstat(STDERR_FILENO, &status) == 0 &&
           stream == fmt::format("{}:{}", status.st_dev, status.st_ino);
}

/// All of it, also to a stderr that somebody made non-blocking; what cannot be written is lost.
void writeToStderr(std::string_view octets) noexcept {
    while (!octets.empty()) {
        const ssize_t written = ::write(STDERR_FILENO, octets.data(), octets.size());
        if (written >= 0) {
            octets.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {
            pollfd writable{STDERR_FILENO, POLLOUT, 0};
            poll(&writable, 1, -1);
        } else if (errno != EINTR) {
            return;
        }
    }
}

void printLine(const Line& line) {
    writeToStderr(fmt::format("{}{} {}: {}\n",
                              stderrIsJournal() ? fmt::format("<{}>", priorityOf(line))
                                                : formatTimestamp(line.time) + ' ',
                              logLevelName(line.level), logCategoryName(line.category), line.text));
}

/// One run of the writing thread, from start() to stop(). It belongs to the thread as well, which
/// may outlive stop() while the target blocks.
class Writer {
public:
    Writer(LogTarget target, std::string_view identity) : target_(target), identity_(identity) {}

    /// Takes the line out of `line`; false when it is too late for that.
    bool enqueue(Line& line);
    void countDropped();
    void run();
    /// Takes no further line; false when the queue could not be written in that time.
    bool finish(std::chrono::milliseconds patience);

private:
    struct State {
        std::deque<Line> lines;
        std::uint64_t dropped = 0;
        std::chrono::steady_clock::time_point nextNotice;
        bool ending = false;
        bool finished = false;
    };

    std::optional<Line> next();
    static void countIn(State& state);
    static bool noticeDue(const State& state);
    static Line takeNotice(State& state);
    void put(const Line& line) const;

    const LogTarget target_;
    const std::string identity_; // openlog() keeps the pointer
    Locked<State> state_;
    std::condition_variable work_;
    std::condition_variable finished_;
};

bool Writer::enqueue(Line& line) {
    {
        auto state = state_.lock();
        if (state->ending)
            return false;
        if (state->lines.size() < maxQueuedLines)
            state->lines.push_back(std::move(line));
        else
            countIn(*state);
    }
    work_.notify_one();
    return true;
}

void Writer::countIn(State& state) {
    ++state.dropped;
    droppedInAll.fetch_add(1, std::memory_order_relaxed);
}

void Writer::countDropped() {
    countIn(*state_.lock());
    work_.notify_one();
}

void Writer::run() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr); // signals are for the threads that know them
    // openlog() and closelog() wait for a syslog() that blocks: here they hold up nobody else.
    if (target_ == LogTarget::syslog)
        openlog(identity_.c_str(), LOG_PID | LOG_NDELAY, LOG_MAIL);
    for (bool more = true; more;) {
        try {
            const auto line = next();
            more = line.has_value();
            if (line)
                put(*line);
        } catch (const std::bad_alloc&) {
            countDropped();
            std::this_thread::sleep_for(memoryPatience);
        }
    }
    if (target_ == LogTarget::syslog)
        closelog();
    state_.lock()->finished = true;
    finished_.notify_all();
}

std::optional<Line> Writer::next() {
    auto state = state_.lock();
    work_.wait(state.lock(),
               [&] { return !state->lines.empty() || state->dropped > 0 || state->ending; });
    if (state->dropped > 0 && noticeDue(*state))
        return takeNotice(*state);
    if (state->lines.empty())
        return std::nullopt;
    Line line = std::move(state->lines.front());
    state->lines.pop_front();
    return line;
}

bool Writer::noticeDue(const State& state) {
    return state.lines.empty() || std::chrono::steady_clock::now() >= state.nextNotice;
}

Line Writer::takeNotice(State& state) {
    const auto dropped = std::exchange(state.dropped, 0);
    state.nextNotice = std::chrono::steady_clock::now() + noticeInterval;
    return Line{std::chrono::system_clock::now(), LogLevel::warning, LogCategory::daemon,
                fmt::format("{} log lines dropped", dropped)};
}

void Writer::put(const Line& line) const {
    if (target_ == LogTarget::syslog)
        syslog(priorityOf(line), "%s",
               fmt::format("{} {}: {}", logLevelName(line.level), logCategoryName(line.category),
                           line.text)
                   .c_str());
    else
        printLine(line);
}

bool Writer::finish(std::chrono::milliseconds patience) {
    auto state = state_.lock();
    state->ending = true;
    work_.notify_one();
    return finished_.wait_for(state.lock(), patience, [&] { return state->finished; });
}

/// What start() and stop() change, one of them at a time.
struct Control {
    std::mutex mutex;
    std::shared_ptr<Writer> writer;
    std::thread thread;

    void end() {
        if (!writer)
            return;
        if (writer->finish(stopPatience))
            thread.join();
        else
            thread.detach();
        writer.reset();
    }
};

/// Never destroyed, so that threads may log while the process ends.
struct Log {
    Control control;
    Locked<std::shared_ptr<Writer>> writer;

    static Log& instance() {
        static Log& log = *new Log;
        return log;
    }
};

/// Callers have escaped what came from outside; this is the second wall.
std::string withoutControlCharacters(std::string text) {
    std::replace_if(
        text.begin(), text.end(),
        [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; },
        ' ');
    return text;
}

constexpr unsigned bitsPerLevel = 2;
constexpr std::uint32_t levelMask = 3;

unsigned levelShift(LogCategory category) {
    return bitsPerLevel * static_cast<unsigned>(category);
}

std::uint32_t pack(const LogLevels& levels) {
    std::uint32_t packed = 0;
    for (std::size_t i = 0; i < logCategoryCount; ++i)
        packed |= static_cast<std::uint32_t>(levels.of[i])
                  << levelShift(static_cast<LogCategory>(i));
    return packed;
}

/// The levels of all categories in one word.
std::atomic<std::uint32_t> packedLevels{pack(LogLevels())};

} // namespace

namespace log {

void start(LogTarget target, std::string_view identity) {
    Log& log = Log::instance();
    const std::lock_guard guard(log.control.mutex);
    log.writer.lock()->reset();
    log.control.end();
    auto writer = std::make_shared<Writer>(target, identity);
    log.control.thread = std::thread([writer] { writer->run(); });
    log.control.writer = writer;
    *log.writer.lock() = std::move(writer);
}

void stop() {
    Log& log = Log::instance();
    const std::lock_guard guard(log.control.mutex);
    log.writer.lock()->reset();
    log.control.end();
}

void setLevels(const LogLevels& levels) {
    packedLevels.store(pack(levels), std::memory_order_relaxed);
}

bool enabled(LogCategory category, LogLevel level) {
    const auto packed = packedLevels.load(std::memory_order_relaxed);
    return static_cast<std::uint32_t>(level) <= ((packed >> levelShift(category)) & levelMask);
}

void write(LogCategory category, LogLevel level, std::string line) {
    Line finished{std::chrono::system_clock::now(), level, category,
                  withoutControlCharacters(std::move(line))};
    const std::shared_ptr<Writer> writer = *Log::instance().writer.lock();
    if (!writer || !writer->enqueue(finished))
        printLine(finished);
}

void failure(LogCategory category, std::string_view work, const std::exception& error) noexcept {
    try {
        at(LogLevel::error, category, "{}: {}", work, escapeForDisplay(error.what()));
    } catch (const std::exception&) {
        countLost();
    }
}

void countLost() noexcept {
    const std::shared_ptr<Writer> writer = *Log::instance().writer.lock();
    if (writer)
        writer->countDropped();
}

std::uint64_t dropped() noexcept {
    return droppedInAll.load(std::memory_order_relaxed);
}

} // namespace log
} // namespace sluice
