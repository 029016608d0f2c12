// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/ctl/progress.hh"

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::ctl {

/// The instant that the value of a Date field, or what stands behind the sender in the From line of
/// an mbox, tells: seconds since 1970, or nullopt.
std::optional<std::int64_t> secondsOfDate(std::string_view value);

/// Stored messages in the order of their own time. Keeps only where each of them stands.
class MailArchive {
public:
    /// The most of a message that is read.
    static constexpr std::size_t longestMessage = std::size_t{2} << 20;

    /// Where a message stands, and when it was sent.
    struct Place {
        std::int64_t seconds = 0; ///< since 1970
        std::size_t file = 0;
        std::uint64_t offset = 0;
        std::uint64_t octets = 0;
        std::size_t number = 0; ///< in its file, from 1
    };

    /// Looks through a file: an mbox where its first line begins with `From `, one message
    /// otherwise; `-` is standard input. A message without a date has that of the one before it.
    /// `progress`, if there is one, counts the octets. Error: it cannot be read, with its name.
    Result<void> add(const std::string& path, Progress* progress = nullptr);
    void sortByTime();

    [[nodiscard]] const std::vector<Place>& places() const { return places_; }
    [[nodiscard]] std::size_t undated() const { return undated_; }
    [[nodiscard]] const std::string& fileOf(const Place& place) const { return files_[place.file]; }
    /// Its text, with the From line of an mbox; at most longestMessage octets. Error: the file has
    /// changed since.
    Result<std::string> read(const Place& place);

private:
    void scan(std::istream& input, std::size_t file, Progress* progress);
    void finish(Place place, std::uint64_t end, const std::string& fromLine,
                const std::string& date);

    std::vector<std::string> files_;
    std::vector<Place> places_;
    std::size_t undated_ = 0;
    std::int64_t lastSeconds_ = 0;
    std::string standardInput_;
    std::ifstream open_; ///< the file that was read last
    std::size_t openFile_ = 0;
};

} // namespace sluice::ctl
