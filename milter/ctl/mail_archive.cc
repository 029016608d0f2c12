// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/mail_archive.hh"

#include "common/text.hh"
#include "milter/ctl/stored_message.hh"

#include <fmt/format.h>
#include <gmime/gmime.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <sstream>
#include <utility>

namespace sluice::ctl {
namespace {

constexpr std::string_view fromWord = "From ";
constexpr std::string_view dateWord = "Date:";
constexpr std::size_t mostStandardInput = std::size_t{1} << 30;

struct FreeDate {
    void operator()(GDateTime* date) const { g_date_time_unref(date); }
};

/// Behind the sender, which may be written `user at example.org`.
std::string_view dateOfFromLine(std::string_view line) {
    const std::size_t time = line.find(':');
    if (time == std::string_view::npos)
        return {};
    constexpr std::string_view days = "Mon Tue Wed Thu Fri Sat Sun";
    for (std::size_t at = fromWord.size(); at + 4 < time; ++at)
        if (line[at - 1] == ' ' && line[at + 3] == ' ' &&
            days.find(line.substr(at, 3)) != std::string_view::npos)
            return line.substr(at);
    return {};
}

/// Lines of a message's text begin with `From ` too; that of an mbox has a date.
bool isFromLine(std::string_view line) {
    return line.starts_with(fromWord) && !dateOfFromLine(line).empty();
}

} // namespace

std::optional<std::int64_t> secondsOfDate(std::string_view value) {
    constexpr std::size_t longestDate = 200;
    std::string text(trim(value).substr(0, longestDate));
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < ' ' || c == '\x7f'; }, ' ');
    if (text.empty())
        return std::nullopt;
    const std::unique_ptr<GDateTime, FreeDate> date(g_mime_utils_header_decode_date(text.c_str()));
    if (!date)
        return std::nullopt;
    return g_date_time_to_unix(date.get());
}

Result<void> MailArchive::add(const std::string& path, Progress* progress) {
    if (path == "-") {
        auto text = readStoredText(path, mostStandardInput, progress);
        if (!text)
            return tl::unexpected(text.error());
        standardInput_ = std::move(*text);
        std::istringstream input(standardInput_);
        scan(input, files_.size(), nullptr);
    } else {
        std::ifstream input(path, std::ios::binary);
        if (input && input.peek() != std::ifstream::traits_type::eof())
            scan(input, files_.size(), progress);
        else if (!input.eof())
            return fail(fmt::format("{}: {}", quoteForDisplay(path), std::strerror(errno)));
    }
    files_.push_back(path);
    return {};
}

void MailArchive::scan(std::istream& input, std::size_t file, Progress* progress) {
    Place place{lastSeconds_, file, 0, 0, 1};
    std::uint64_t at = 0;
    std::string fromLine;
    std::string date;
    std::string line;
    bool blankBefore = true;
    bool inHeader = true;
    bool mbox = false;
    while (std::getline(input, line)) {
        const std::uint64_t start = at;
        at += line.size() + (input.eof() ? 0U : 1U);
        if (progress != nullptr)
            progress->add(at - start);
        if (line.ends_with('\r'))
            line.pop_back();
        if (start == 0)
            mbox = line.starts_with(fromWord);
        if (mbox && blankBefore && (start == 0 || isFromLine(line))) {
            if (start > 0) {
                finish(place, start, fromLine, date);
                place = {lastSeconds_, file, start, 0, place.number + 1};
            }
            fromLine = line;
            date.clear();
            inHeader = true;
        } else if (line.empty()) {
            inHeader = false;
        } else if (inHeader && date.empty() &&
                   equalsIgnoringCase(std::string_view(line).substr(0, dateWord.size()),
                                      dateWord)) {
            date = line.substr(dateWord.size());
        }
        blankBefore = line.empty();
    }
    finish(place, at, fromLine, date);
}

void MailArchive::finish(Place place, std::uint64_t end, const std::string& fromLine,
                         const std::string& date) {
    auto seconds = secondsOfDate(date);
    if (!seconds)
        seconds = secondsOfDate(dateOfFromLine(fromLine));
    undated_ += seconds ? 0U : 1U;
    lastSeconds_ = place.seconds = seconds.value_or(lastSeconds_);
    place.octets = end - place.offset;
    places_.push_back(place);
}

void MailArchive::sortByTime() {
    std::stable_sort(places_.begin(), places_.end(),
                     [](const Place& a, const Place& b) { return a.seconds < b.seconds; });
}

Result<std::string> MailArchive::read(const Place& place) {
    const auto octets =
        static_cast<std::size_t>(std::min<std::uint64_t>(place.octets, longestMessage));
    const std::string& path = files_[place.file];
    if (path == "-")
        return standardInput_.substr(static_cast<std::size_t>(place.offset), octets);
    if (!open_.is_open() || openFile_ != place.file) {
        open_.close();
        open_.open(path, std::ios::binary);
        openFile_ = place.file;
    }
    open_.clear();
    std::string text(octets, '\0');
    open_.seekg(static_cast<std::streamoff>(place.offset));
    open_.read(text.data(), static_cast<std::streamsize>(octets));
    if (!open_)
        return fail(fmt::format("{}: it has changed while it was read", quoteForDisplay(path)));
    return text;
}

} // namespace sluice::ctl
