// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "common/tracking_record.hh"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The tracking log as it lies on disk: PATH, and PATH.YYYY-MM-DD for each day before, which may be
/// compressed to PATH.YYYY-MM-DD.gz.
namespace sluice::ctl {

/// From `from` on and before `until`.
struct TimeRange {
    std::chrono::system_clock::time_point from = std::chrono::system_clock::time_point::min();
    std::chrono::system_clock::time_point until = std::chrono::system_clock::time_point::max();

    [[nodiscard]] bool contains(std::chrono::system_clock::time_point time) const {
        return time >= from && time < until;
    }
};

struct LogFile {
    std::string path;
    std::uint64_t octets = 0; ///< as it is stored
};

/// The files of the log PATH that may hold lines of a range, oldest first. The days beside the
/// range belong to them: a line may be written a moment after midnight, and another host may have
/// another time zone. Error: there is no such log, or its directory cannot be read.
Result<std::vector<LogFile>> logFilesOf(const std::string& path, const TimeRange& range);

/// The time of a line whose first field it is, as the filter writes them; for all else nullopt.
/// Much cheaper than the whole line.
std::optional<std::chrono::system_clock::time_point> timeAtFront(std::string_view line);

/// What came of reading.
struct TrackingTally {
    std::uint64_t lines = 0;
    std::uint64_t unreadable = 0;      ///< lines that are no records
    std::string firstUnreadable;       ///< "FILE:LINE: why", fit to be shown
    std::vector<std::string> problems; ///< files that could not be read to their end, as sentences
};

/// Reads files of tracking logs line by line, plain ones and what gzip made of them, in memory for
/// one line. One thread.
class TrackingReader {
public:
    struct Visitor {
        /// The line as it stands, before it is parsed; false: it need not be. Empty: all are.
        std::function<bool(std::string_view line)> look = {};
        /// A record of the range.
        std::function<void(TrackingRecord&& record)> take;
        /// So many octets more of the file as it is stored are done. May be empty.
        std::function<void(std::uint64_t octets)> advance = {};
    };

    TrackingReader(const TimeRange& range, Visitor visitor);

    /// A line that is out of the range, unreadable or longer than maxTrackingLine is passed over.
    /// An unreadable last line that has no end is about to be written, and not counted.
    void read(const LogFile& file);

    [[nodiscard]] const TrackingTally& tally() const { return tally_; }

private:
    void takeLine(const std::string& path, std::uint64_t number, std::string_view line, bool ended);
    void countUnreadable(const std::string& path, std::uint64_t number, std::string_view why);

    TimeRange range_;
    Visitor visitor_;
    TrackingTally tally_;
};

} // namespace sluice::ctl
