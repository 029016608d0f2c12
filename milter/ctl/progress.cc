// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/progress.hh"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace sluice::ctl {
namespace {

constexpr std::size_t longestBar = 40;
constexpr std::size_t shortestBar = 5;

std::string_view nameOf(ProgressUnit unit) {
    switch (unit) {
    case ProgressUnit::octets:
        return "octets";
    case ProgressUnit::files:
        return "files";
    case ProgressUnit::messages:
        return "messages";
    case ProgressUnit::lines:
        return "lines";
    }
    return "";
}

std::string scaledOctets(std::uint64_t octets) {
    constexpr std::array<std::string_view, 5> units{"kB", "MB", "GB", "TB", "PB"};
    constexpr double step = 1000;
    double value = static_cast<double>(octets) / step;
    std::size_t unit = 0;
    for (; value >= step && unit + 1 < units.size(); ++unit)
        value /= step;
    return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string amount(ProgressUnit unit, std::uint64_t done, std::uint64_t total) {
    const bool octets = unit == ProgressUnit::octets;
    std::string text = octets ? scaledOctets(done) : std::to_string(done);
    if (total > 0)
        text += " of " + (octets ? scaledOctets(total) : std::to_string(total));
    if (!octets)
        text += fmt::format(" {}", nameOf(unit));
    return text;
}

std::size_t columnsOf(int terminal) {
    constexpr std::size_t usual = 80;
    winsize size{};
    return ioctl(terminal, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual;
}

/// What does not reach the terminal is only a picture less.
void show(const std::string& text) {
    static_cast<void>(!write(STDERR_FILENO, text.data(), text.size()));
}

} // namespace

std::string progressText(std::string_view what, ProgressUnit unit, std::uint64_t done,
                         std::uint64_t total, std::size_t columns) {
    const std::string count = amount(unit, done, total);
    if (total == 0)
        return fmt::format("{}: {}", what, count).substr(0, columns);
    const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    const std::string behind = fmt::format("{:3}% {}", static_cast<int>(100 * part), count);
    const std::size_t beside = what.size() + behind.size() + std::string_view(" [] ").size();
    if (beside + shortestBar > columns)
        return fmt::format("{} {}", what, behind).substr(0, columns);
    const std::size_t bar = std::min(longestBar, columns - beside);
    const auto full = static_cast<std::size_t>(part * static_cast<double>(bar));
    return fmt::format("{} [{:#<{}}{:-<{}}] {}", what, "", full, "", bar - full, behind);
}

Progress::Progress(std::string_view what, ProgressUnit unit, std::uint64_t total)
    : what_(what),
      unit_(unit),
      total_(total),
      onTerminal_(isatty(STDERR_FILENO) == 1),
      outputOnTerminal_(isatty(STDOUT_FILENO) == 1),
      nextDraw_(Clock::now() + showAfter) {}

Progress::~Progress() {
    hide();
}

void Progress::drawIfDue(Clock::time_point now) {
    if (now < nextDraw_)
        return;
    nextDraw_ = now + drawEvery;
    draw();
}

void Progress::draw() {
    // the last column stays free: many terminals begin a new line when it is written to
    const std::size_t columns = std::max<std::size_t>(columnsOf(STDERR_FILENO), 2) - 1;
    const std::string text = progressText(what_, unit_, done_, total_, columns);
    show(fmt::format("\r{:<{}}", text, std::min(shown_, columns)));
    shown_ = text.size();
}

void Progress::hide() {
    if (shown_ == 0)
        return;
    show(fmt::format("\r{:{}}\r", "", shown_));
    shown_ = 0;
}

void Progress::hideFromOutput() {
    if (outputOnTerminal_)
        hide();
}

} // namespace sluice::ctl
