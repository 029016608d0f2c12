// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/report_days.hh"
#include "milter/ctl/top_table.hh"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::ctl {

/// What became of a message; a later one in this order outweighs an earlier one.
enum class Outcome : std::uint8_t {
    accepted,
    refused,
    setAside, ///< taken, and held, dropped or stored as badmail
    cut,      ///< as a part of a loop, or as a copy
};
constexpr std::size_t outcomeCount = 4;

/// By outcome.
using OutcomeCounts = std::array<std::uint64_t, outcomeCount>;

std::uint64_t sumOf(const OutcomeCounts& counts);
OutcomeCounts& operator+=(OutcomeCounts& sum, const OutcomeCounts& counts);

/// Neighbouring quarters of an hour with far more messages than usual.
struct Storm {
    std::size_t day = 0;   ///< of ReportTraffic
    std::size_t first = 0; ///< quarter
    std::size_t end = 0;   ///< the quarter behind the last one
    OutcomeCounts counts{};
    double usual = 0;       ///< messages in these quarters
    bool bySameDay = false; ///< there is no day before: the other quarters of the day are usual
    std::string one = {};   ///< the pair of addresses with the most messages
    std::string other = {};
    std::uint64_t between = 0; ///< messages between them; 0: no pair is known
};

/// Messages in quarters of an hour, over the reported days and those before, which say what is
/// usual. One thread.
class ReportTraffic {
public:
    /// One place where messages are counted.
    using Place = std::pair<std::size_t, std::size_t>; ///< day and quarter

    ReportTraffic(CivilDay first, CivilDay last, unsigned daysBefore);

    /// The reported days and those before.
    [[nodiscard]] TimeRange range() const;
    [[nodiscard]] std::optional<Place> placeOf(std::chrono::system_clock::time_point time);
    [[nodiscard]] bool isReported(const Place& place) const { return place.first >= firstDay_; }

    void count(const Place& place, Outcome outcome);
    /// What was counted as `from` turns out to be `to`.
    void move(const Place& place, Outcome from, Outcome to);
    /// Two addresses that a message of a reported day went between, in any order.
    void countPair(const Place& place, std::string_view one, std::string_view other);

    /// Indices of the reported days, up to days().
    [[nodiscard]] std::size_t firstDay() const { return firstDay_; }
    [[nodiscard]] std::size_t days() const { return days_.size(); }
    [[nodiscard]] const ReportDay& calendar(std::size_t day) const { return days_[day].calendar; }
    [[nodiscard]] const OutcomeCounts& at(std::size_t day, std::size_t quarter) const {
        return days_[day].counts[quarter];
    }
    /// Of the days before this one, how many have lines in the log.
    [[nodiscard]] std::size_t daysBefore(std::size_t day) const;
    /// For each quarter of a day the median of the days before, at the same time on the clock;
    /// empty: there are none.
    [[nodiscard]] std::vector<double> usual(std::size_t day) const;
    [[nodiscard]] std::vector<Storm> storms() const;

private:
    using Pairs = TopTable<char>;
    struct Day {
        ReportDay calendar;
        std::vector<OutcomeCounts> counts;
        std::vector<Pairs> pairs; ///< of reported days
        bool seen = false;        ///< there is a line
    };

    [[nodiscard]] std::vector<Storm> stormsOf(std::size_t day) const;
    void nameStorm(Storm& storm) const;

    std::vector<Day> days_;
    std::size_t firstDay_;
    unsigned daysBefore_;
    std::size_t lastFound_ = 0;
};

} // namespace sluice::ctl
