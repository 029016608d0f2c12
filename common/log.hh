// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// Logging for both programs: levels per category, one line a call.
namespace sluice {

enum class LogLevel : std::uint8_t { error, warning, info, debug };

enum class LogCategory : std::uint8_t {
    daemon,   ///< start, stop, reload, the socket
    config,   ///< what the configuration says wrongly
    session,  ///< a connection and its messages
    decision, ///< one line for each thing that a rule decided
    dnsbl,    ///< look-ups, self-tests, suspension
    badmail,
    directory,
    store, ///< where loops are counted
};
constexpr std::size_t logCategoryCount = 8;

std::optional<LogLevel> logLevelFromName(std::string_view name);
std::optional<LogCategory> logCategoryFromName(std::string_view name);
std::string_view logLevelName(LogLevel level);
std::string_view logCategoryName(LogCategory category);

/// The level of each category.
struct LogLevels {
    std::array<LogLevel, logCategoryCount> of;
    LogLevels() { of.fill(LogLevel::info); }
    void setAll(LogLevel level) { of.fill(level); }
    void set(LogCategory category, LogLevel level) {
        of[static_cast<std::size_t>(category)] = level;
    }
};

/// Where finished lines go.
enum class LogTarget : std::uint8_t { stderrStream, syslog };

/// The process's log. Lines are queued (8,192 at most) and written by a thread of its own, so that
/// a slow log costs no mail; when the queue is full lines are dropped and the number of them is
/// logged. All functions may be called by any thread.
///
/// A line is `LEVEL CATEGORY: TEXT`. On stderr a time (RFC 3339, local) stands before it, or, when
/// stderr is the journal's, its priority as sd-daemon(3) wants it; syslog gets it with facility
/// `mail` and the priority of the level.
namespace log {

/// Starts the writing thread (anew, if it runs). Before start() lines are written to stderr at
/// once. Throws std::system_error when no thread can be had.
void start(LogTarget target, std::string_view identity);
/// Writes what is queued and ends the thread; later lines go to stderr at once. A target that
/// blocks is waited for 2 s, then the rest is left to the thread for as long as the process lives.
void stop();
void setLevels(const LogLevels& levels);
[[nodiscard]] bool enabled(LogCategory category, LogLevel level);
/// `line` must already be fit for a terminal (escapeForDisplay for anything from outside); control
/// characters that are left, line breaks among them, become blanks.
void write(LogCategory category, LogLevel level, std::string line);
/// A line could not be made; it counts as dropped.
void countLost() noexcept;
/// How many lines were dropped since the process began.
[[nodiscard]] std::uint64_t dropped() noexcept;

/// Does not throw: what is logged has happened, whether or not there is memory to tell it.
template<typename... Args>
void at(LogLevel level, LogCategory category, fmt::format_string<Args...> text,
        Args&&... args) noexcept {
    if (!enabled(category, level))
        return;
    try {
        write(category, level, fmt::format(text, std::forward<Args>(args)...));
    } catch (const std::exception&) {
        countLost();
    }
}
template<typename... Args>
void error(LogCategory category, fmt::format_string<Args...> text, Args&&... args) noexcept {
    at(LogLevel::error, category, text, std::forward<Args>(args)...);
}
/// Tells of an exception, whose text may come from outside.
void failure(LogCategory category, std::string_view work, const std::exception& error) noexcept;
template<typename... Args>
void warning(LogCategory category, fmt::format_string<Args...> text, Args&&... args) noexcept {
    at(LogLevel::warning, category, text, std::forward<Args>(args)...);
}
template<typename... Args>
void info(LogCategory category, fmt::format_string<Args...> text, Args&&... args) noexcept {
    at(LogLevel::info, category, text, std::forward<Args>(args)...);
}
template<typename... Args>
void debug(LogCategory category, fmt::format_string<Args...> text, Args&&... args) noexcept {
    at(LogLevel::debug, category, text, std::forward<Args>(args)...);
}

} // namespace log
} // namespace sluice
