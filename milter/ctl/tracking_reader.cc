// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/tracking_reader.hh"

#include "common/text.hh"
#include "common/timestamp.hh"
#include "common/tracking_file_name.hh"
#include "milter/ctl/line_source.hh"
#include "milter/ctl/usual_line.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <system_error>
#include <tuple>
#include <utility>

namespace sluice::ctl {
namespace {

namespace fs = std::filesystem;

/// The days of a range, and those beside it.
bool isNear(std::int32_t day, const TimeRange& range) {
    constexpr auto noBegin = std::chrono::system_clock::time_point::min();
    constexpr auto noEnd = std::chrono::system_clock::time_point::max();
    return (range.from == noBegin || day >= static_cast<std::int32_t>(localDay(range.from)) - 1) &&
           (range.until == noEnd || day <= static_cast<std::int32_t>(localDay(range.until)) + 1);
}

std::uint64_t sizeOf(const fs::path& path) {
    std::error_code error;
    const auto size = fs::file_size(path, error);
    return error ? 0 : size;
}

} // namespace

Result<std::vector<LogFile>> logFilesOf(const std::string& path, const TimeRange& range) {
    const fs::path log(path);
    const std::string base = log.filename();
    std::error_code error;
    const bool itself = fs::exists(log, error);
    bool dated = false;
    // A day that gzip is at work on has both files, and the compressed one is not whole yet.
    std::map<std::tuple<std::int32_t, std::uint64_t>, std::pair<bool, fs::path>> days;
    const fs::path directory = log.has_parent_path() ? log.parent_path() : fs::path(".");
    for (fs::directory_iterator each(directory, error), end; !error && each != end;
         each.increment(error)) {
        const auto name = parseTrackingFileName(each->path().filename().native(), base);
        if (!name)
            continue;
        dated = true;
        const auto day = static_cast<std::int32_t>(name->day);
        if (!isNear(day, range))
            continue;
        const auto [place, added] =
            days.try_emplace({day, name->number}, name->compressed, each->path());
        if (!added && !name->compressed)
            place->second = {false, each->path()};
    }
    if (error && !itself)
        return fail(fmt::format("{}: {}", quoteForDisplay(directory.native()), error.message()));
    if (!itself && !dated)
        return fail(fmt::format("{}: there is no such file", quoteForDisplay(path)));
    std::vector<LogFile> files;
    files.reserve(days.size() + 1);
    for (const auto& [day, file] : days)
        files.push_back({file.second, sizeOf(file.second)});
    if (itself)
        files.push_back({path, sizeOf(log)});
    return files;
}

std::optional<std::chrono::system_clock::time_point> timeAtFront(std::string_view line) {
    constexpr std::string_view front = "{\"time\":\"";
    constexpr std::size_t longestTime = 40;
    if (!line.starts_with(front))
        return std::nullopt;
    line = line.substr(front.size(), longestTime);
    const std::size_t end = line.find('"');
    if (end == std::string_view::npos)
        return std::nullopt;
    const auto time = parseTimestamp(line.substr(0, end));
    return time ? std::optional(*time) : std::nullopt;
}

TrackingReader::TrackingReader(const TimeRange& range, Visitor visitor)
    : range_(range), visitor_(std::move(visitor)) {}

void TrackingReader::read(const LogFile& file) {
    constexpr std::uint64_t linesBetweenSteps = 1024;
    auto source = LineSource::open(file.path, maxTrackingLine);
    if (!source) {
        tally_.problems.push_back(source.error().message);
        return;
    }
    std::uint64_t number = 0;
    std::uint64_t done = 0;
    const auto advance = [&](std::uint64_t position) {
        if (visitor_.advance && position > done)
            visitor_.advance(position - std::exchange(done, position));
    };
    while (const auto line = source->next()) {
        if (++number % linesBetweenSteps == 0)
            advance(source->position());
        ++tally_.lines;
        if (line->tooLong)
            countUnreadable(file.path, number, "the line is longer than any that is written");
        else
            takeLine(file.path, number, line->text, line->ended);
    }
    advance(source->position());
    if (!source->trouble().empty())
        tally_.problems.push_back(
            fmt::format("{}: {}", quoteForDisplay(file.path), source->trouble()));
}

void TrackingReader::takeLine(const std::string& path, std::uint64_t number, std::string_view line,
                              bool ended) {
    if (const auto time = timeAtFront(line); time && !range_.contains(*time))
        return;
    if (visitor_.look && !visitor_.look(line))
        return;
    if (auto record = parseUsualLine(line)) {
        if (range_.contains(record->time))
            visitor_.take(std::move(*record));
        return;
    }
    auto record = parseTracking(line);
    if (!record) {
        if (ended)
            countUnreadable(path, number, record.error().message);
        return;
    }
    if (range_.contains(record->time))
        visitor_.take(std::move(*record));
}

void TrackingReader::countUnreadable(const std::string& path, std::uint64_t number,
                                     std::string_view why) {
    if (tally_.unreadable++ == 0)
        tally_.firstUnreadable = fmt::format("{}:{}: {}", escapeForDisplay(path), number, why);
}

} // namespace sluice::ctl
