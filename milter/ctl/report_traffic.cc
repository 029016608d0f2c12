// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/report_traffic.hh"

#include <algorithm>
#include <map>
#include <numeric>

namespace sluice::ctl {
namespace {

/// Pairs of addresses that are counted for a quarter of an hour.
constexpr std::size_t mostPairs = 32;
constexpr std::size_t longestAddress = 160;
constexpr char betweenNames = '\n';

/// A storm has so many times the usual number of messages, and so many more than usual.
constexpr double stormFactor = 3;
constexpr double stormSurplus = 100;
constexpr std::size_t mostStorms = 20;

double medianOf(std::vector<double>& values) {
    if (values.empty())
        return 0;
    const std::size_t half = values.size() / 2;
    std::sort(values.begin(), values.end());
    return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::size_t indexOf(Outcome outcome) {
    return static_cast<std::size_t>(outcome);
}

} // namespace

std::uint64_t sumOf(const OutcomeCounts& counts) {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

OutcomeCounts& operator+=(OutcomeCounts& sum, const OutcomeCounts& counts) {
    for (std::size_t i = 0; i < outcomeCount; ++i)
        sum[i] += counts[i];
    return sum;
}

ReportTraffic::ReportTraffic(CivilDay first, CivilDay last, unsigned daysBefore)
    : firstDay_(daysBefore), daysBefore_(daysBefore) {
    for (CivilDay day = first + -static_cast<int>(daysBefore); day <= last; day = day + 1) {
        ReportDay calendar(day);
        const std::size_t quarters = calendar.quarters();
        days_.push_back({std::move(calendar), std::vector<OutcomeCounts>(quarters),
                         std::vector<Pairs>(day < first ? 0 : quarters, Pairs(mostPairs))});
    }
}

TimeRange ReportTraffic::range() const {
    return {days_.front().calendar.range().from, days_.back().calendar.range().until};
}

std::optional<ReportTraffic::Place>
ReportTraffic::placeOf(std::chrono::system_clock::time_point time) {
    if (!days_[lastFound_].calendar.range().contains(time)) {
        const auto behind = std::upper_bound(
            days_.begin(), days_.end(), time,
            [](const auto& sought, const Day& day) { return sought < day.calendar.range().from; });
        if (behind == days_.begin() || !std::prev(behind)->calendar.range().contains(time))
            return std::nullopt;
        lastFound_ = static_cast<std::size_t>(std::prev(behind) - days_.begin());
    }
    Day& day = days_[lastFound_];
    day.seen = true;
    return Place{lastFound_, *day.calendar.quarterOf(time)};
}

void ReportTraffic::count(const Place& place, Outcome outcome) {
    ++days_[place.first].counts[place.second][indexOf(outcome)];
}

void ReportTraffic::move(const Place& place, Outcome from, Outcome to) {
    OutcomeCounts& counts = days_[place.first].counts[place.second];
    --counts[indexOf(from)];
    ++counts[indexOf(to)];
}

void ReportTraffic::countPair(const Place& place, std::string_view one, std::string_view other) {
    one = one.substr(0, longestAddress);
    other = other.substr(0, longestAddress);
    std::string key(std::min(one, other));
    key.append(1, betweenNames).append(std::max(one, other));
    days_[place.first].pairs[place.second].count(key);
}

std::size_t ReportTraffic::daysBefore(std::size_t day) const {
    std::size_t seen = 0;
    for (std::size_t before = day - std::min<std::size_t>(day, daysBefore_); before < day; ++before)
        seen += days_[before].seen ? 1U : 0U;
    return seen;
}

std::vector<double> ReportTraffic::usual(std::size_t day) const {
    std::array<std::vector<double>, clockQuarters> samples;
    for (std::size_t before = day - std::min<std::size_t>(day, daysBefore_); before < day;
         ++before) {
        const Day& each = days_[before];
        if (!each.seen)
            continue;
        // an hour that came twice is one of its days
        std::array<std::pair<double, double>, clockQuarters> sums{};
        for (std::size_t quarter = 0; quarter < each.counts.size(); ++quarter) {
            auto& [messages, times] = sums[each.calendar.clockQuarter(quarter)];
            messages += static_cast<double>(sumOf(each.counts[quarter]));
            ++times;
        }
        for (std::size_t clock = 0; clock < clockQuarters; ++clock)
            if (const auto& [messages, times] = sums[clock]; times > 0)
                samples[clock].push_back(messages / times);
    }
    if (daysBefore(day) == 0)
        return {};
    std::array<double, clockQuarters> medians{};
    std::transform(samples.begin(), samples.end(), medians.begin(), medianOf);
    std::vector<double> usual;
    for (std::size_t quarter = 0; quarter < days_[day].counts.size(); ++quarter)
        usual.push_back(medians[days_[day].calendar.clockQuarter(quarter)]);
    return usual;
}

std::vector<Storm> ReportTraffic::stormsOf(std::size_t day) const {
    const auto& counts = days_[day].counts;
    std::vector<double> expected = usual(day);
    const bool bySameDay = expected.empty();
    if (bySameDay) {
        std::vector<double> busy;
        for (const OutcomeCounts& quarter : counts)
            if (const std::uint64_t messages = sumOf(quarter); messages > 0)
                busy.push_back(static_cast<double>(messages));
        expected.assign(counts.size(), medianOf(busy));
    }
    std::vector<Storm> storms;
    for (std::size_t quarter = 0; quarter < counts.size(); ++quarter) {
        // what comes a quarter earlier or later than usual is no storm
        const std::size_t next = std::min(quarter + 1, counts.size() - 1);
        const double most = std::max({expected[quarter - std::min<std::size_t>(quarter, 1)],
                                      expected[quarter], expected[next]});
        const auto messages = static_cast<double>(sumOf(counts[quarter]));
        if (messages < stormFactor * most || messages < most + stormSurplus)
            continue;
        if (storms.empty() || storms.back().end + 1 < quarter)
            storms.push_back({day, quarter, quarter, {}, 0, bySameDay});
        Storm& storm = storms.back();
        for (; storm.end <= quarter; ++storm.end) {
            storm.counts += counts[storm.end];
            storm.usual += expected[storm.end];
        }
    }
    return storms;
}

void ReportTraffic::nameStorm(Storm& storm) const {
    std::map<std::string, std::uint64_t> pairs;
    for (std::size_t quarter = storm.first; quarter < storm.end; ++quarter)
        for (const auto& [key, entry] : days_[storm.day].pairs[quarter].top(mostPairs))
            pairs[key] += entry.count;
    const auto most =
        std::max_element(pairs.begin(), pairs.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most == pairs.end())
        return;
    const std::size_t middle = most->first.find(betweenNames);
    storm.one = most->first.substr(0, middle);
    storm.other = most->first.substr(middle + 1);
    storm.between = most->second;
}

std::vector<Storm> ReportTraffic::storms() const {
    std::vector<Storm> storms;
    for (std::size_t day = firstDay_; day < days_.size(); ++day)
        for (Storm& storm : stormsOf(day))
            storms.push_back(std::move(storm));
    if (storms.size() > mostStorms) {
        std::nth_element(
            storms.begin(), storms.begin() + mostStorms, storms.end(),
            [](const Storm& a, const Storm& b) { return sumOf(a.counts) > sumOf(b.counts); });
        storms.resize(mostStorms);
        std::sort(storms.begin(), storms.end(), [](const Storm& a, const Storm& b) {
            return std::pair(a.day, a.first) < std::pair(b.day, b.first);
        });
    }
    for (Storm& storm : storms)
        nameStorm(storm);
    return storms;
}

} // namespace sluice::ctl
