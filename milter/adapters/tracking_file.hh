// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/civil_day.hh"
#include "common/result.hh"

#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// Whether it may become a tracking log, or is one: there is nothing yet, or a plain file that is
/// empty or begins as one. Error: it is something else, which would be moved away and removed after
/// some days. What cannot be read is not judged.
Result<void> mayBeTrackingFile(const std::string& path);

/// The file that lines are appended to, and its days. One thread at a time.
class TrackingFile {
public:
    explicit TrackingFile(std::string path) : path_(std::move(path)) {}
    ~TrackingFile() { close(); }
    TrackingFile(const TrackingFile&) = delete;
    TrackingFile& operator=(const TrackingFile&) = delete;

    /// Opens the path, of mode 0640 when it was not there. A file whose last line is of an earlier
    /// day than `today` is moved away first. Error: with the path.
    Result<void> open(CivilDay today);
    [[nodiscard]] bool isOpen() const { return descriptor_ >= 0; }
    void close() noexcept;

    /// Moves the file away when `today` is another day than that of the lines before.
    Result<void> turnTo(CivilDay today);

    /// Whole lines. How many of them are in the file now; fewer than there are when the disk took
    /// no more, and `trouble` then says why. Half a line that it took is ended before the next one.
    std::size_t append(std::string_view lines, std::string& trouble);

private:
    [[nodiscard]] std::string nameFor(CivilDay day) const;
    Result<void> moveAway();

    const std::string path_;
    int descriptor_ = -1;
    std::optional<CivilDay> day_; ///< of the lines in the file
    bool halfLine_ = false;
};

} // namespace sluice
