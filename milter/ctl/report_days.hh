// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/civil_day.hh"
#include "milter/ctl/tracking_reader.hh"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace sluice::ctl {

constexpr std::chrono::minutes quarterHour{15};
/// Quarters of an hour that a clock on the wall can show.
constexpr std::size_t clockQuarters = 96;

/// The day so many days behind; a negative number leads back.
CivilDay operator+(CivilDay day, int days);

/// When a day of the local calendar begins.
std::chrono::system_clock::time_point beginOf(CivilDay day);

/// "10:15", on the clock of this machine.
std::string clockText(std::chrono::system_clock::time_point time);

/// A day of the local calendar in quarters of an hour: 96 of them, or 92 or 100 where the clocks
/// are changed.
class ReportDay {
public:
    explicit ReportDay(CivilDay day);

    [[nodiscard]] CivilDay day() const { return day_; }
    [[nodiscard]] const TimeRange& range() const { return range_; }
    [[nodiscard]] std::size_t quarters() const { return clock_.size(); }
    [[nodiscard]] std::optional<std::size_t>
    quarterOf(std::chrono::system_clock::time_point time) const;
    [[nodiscard]] std::chrono::system_clock::time_point beginOfQuarter(std::size_t quarter) const {
        return range_.from + quarter * quarterHour;
    }
    /// What the clock shows when the quarter begins: 0 is 00:00, 95 is 23:45.
    [[nodiscard]] std::size_t clockQuarter(std::size_t quarter) const { return clock_[quarter]; }
    /// "10:15". The end of the day is 24:00.
    [[nodiscard]] std::string label(std::size_t quarter) const;

private:
    CivilDay day_;
    TimeRange range_;
    std::vector<std::size_t> clock_;
};

} // namespace sluice::ctl
