// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/locked.hh"
#include "common/result.hh"
#include "common/tracking_record.hh"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace sluice {

struct TrackingSettings {
    std::string path;
    unsigned days = 7;     ///< how long the files of earlier days are kept
    bool subjects = false; ///< Subject: is written too

    friend bool operator==(const TrackingSettings&, const TrackingSettings&) = default;
};

/// The file of the tracking log. Records are queued and written by a thread of its own, so that a
/// slow or full disk costs no mail: what cannot be queued or written is dropped and counted. At the
/// first line of a new day the file becomes PATH.YYYY-MM-DD (with .1, .2, … behind it where that
/// name is taken). Threads: any.
class TrackingLog {
public:
    /// Error: the file cannot be opened, with its name.
    static Result<std::shared_ptr<TrackingLog>> open(TrackingSettings settings);
    ~TrackingLog() { finish(); }
    TrackingLog(const TrackingLog&) = delete;
    TrackingLog& operator=(const TrackingLog&) = delete;

    /// Sets the record's node, and its time where it has none.
    void write(TrackingRecord record) noexcept;
    /// The file may have been moved away: the path is opened again.
    void reopen();
    /// Writes what is queued, for at most two seconds; later records are dropped.
    void finish();
    /// Removes the files of days that are over the limit.
    void expire() const;

    [[nodiscard]] const TrackingSettings& settings() const { return settings_; }
    [[nodiscard]] std::uint64_t written() const;
    [[nodiscard]] std::uint64_t dropped() const;

private:
    class Writer;

    explicit TrackingLog(TrackingSettings settings);

    const TrackingSettings settings_;
    const std::string node_;
    std::shared_ptr<Writer> writer_;
    std::thread thread_;
};

} // namespace sluice
