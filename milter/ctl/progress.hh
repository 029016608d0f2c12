// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::ctl {

/// What is counted; octets are shown in kB, MB and so on.
enum class ProgressUnit : std::uint8_t { octets, files, messages, lines };

/// `classify [#####-----]  50% 100 of 200 files`, or without a bar (`classify: 100 files`) when
/// `total` is 0, not known. No longer than `columns`.
std::string progressText(std::string_view what, ProgressUnit unit, std::uint64_t done,
                         std::uint64_t total, std::size_t columns);

/// Shows how far long work has come: one line on standard error, and that only when it is a
/// terminal and the work lasts longer than a second. Drawn ten times a second at most, and taken
/// away when the object goes. Costs next to nothing when nothing is shown. One thread.
class Progress {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::milliseconds showAfter{1000};
    static constexpr std::chrono::milliseconds drawEvery{100};

    /// `what` is being done: a few words of ours. `total` 0: it is not known, so a count is shown.
    Progress(std::string_view what, ProgressUnit unit, std::uint64_t total = 0);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// So much more is done. Call it often; it draws when it is time to.
    void add(std::uint64_t amount = 1) {
        done_ += amount;
        if (onTerminal_)
            drawIfDue(Clock::now());
    }
    /// Takes the line away until it is next drawn. Call it before something is printed on standard
    /// error, which would stand behind it otherwise.
    void hide();
    /// The same for standard output; where that is no terminal the line stays.
    void hideFromOutput();

private:
    void drawIfDue(Clock::time_point now);
    void draw();

    std::string what_;
    ProgressUnit unit_;
    std::uint64_t total_;
    std::uint64_t done_ = 0;
    bool onTerminal_;
    bool outputOnTerminal_;
    Clock::time_point nextDraw_;
    std::size_t shown_ = 0; ///< columns that the line takes now
};

} // namespace sluice::ctl
