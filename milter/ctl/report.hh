// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/tracking_record.hh"
#include "milter/ctl/report_totals.hh"
#include "milter/ctl/report_traffic.hh"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::ctl {

/// What a report is about.
struct ReportRequest {
    CivilDay first{};
    CivilDay last{};
    unsigned daysBefore = 7; ///< that say what is usual
    std::string title = "Mail report";
    std::vector<std::string> logs;
    std::chrono::system_clock::time_point now; ///< when it is made
};

/// What became of a message; nullopt: nothing, or the record is about something else.
std::optional<Outcome> outcomeOf(const TrackingRecord& record);

/// Sums up the records of a log. Its memory is bounded by the number of days. One thread.
class Report {
public:
    explicit Report(ReportRequest request);

    void add(const TrackingRecord& record);

    [[nodiscard]] const ReportRequest& request() const { return request_; }
    [[nodiscard]] const ReportTraffic& traffic() const { return traffic_; }
    [[nodiscard]] const ReportTotals& totals() const { return totals_; }

private:
    /// A message has several records, one behind the other, and counts once. A slot is taken by
    /// the latest message; two messages that want the same one cost each other nothing but this.
    struct Latest {
        std::uint64_t message = 0;
        std::chrono::system_clock::time_point time; ///< of its first record
        ReportTraffic::Place place;
        Outcome outcome = Outcome::accepted;
        std::vector<std::string> recipients = {}; ///< the first of them
    };
    static constexpr std::size_t latestMessages = 8192;

    static bool isOf(const Latest& latest, const TrackingRecord& record);
    void count(const TrackingRecord& record, const ReportTraffic::Place& place, Outcome outcome);
    /// With the recipients that an earlier record of the message has.
    void addToTotals(const TrackingRecord& record);

    ReportRequest request_;
    ReportTraffic traffic_;
    ReportTotals totals_;
    std::vector<Latest> latest_{latestMessages};
};

} // namespace sluice::ctl
