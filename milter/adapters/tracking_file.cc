// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/tracking_file.hh"

#include "milter/adapters/spool_file.hh"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace sluice {
namespace {

/// So often a day may begin anew: a clock that is set back.
constexpr int mostNames = 100;

bool exists(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0;
}

/// Somebody else may have moved the file of this descriptor.
bool isAt(int descriptor, const std::string& path) {
    struct stat open {};
    struct stat named {};
    return ::fstat(descriptor, &open) == 0 && ::stat(path.c_str(), &named) == 0 &&
           open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

/// How each line begins (formatTracking()).
constexpr std::string_view beginOfLine = "{\"time\":\"";

Result<void> mayBeTrackingFile(int descriptor, const std::string& path) {
    struct stat status {};
    if (::fstat(descriptor, &status) != 0)
        return failBySystem(path);
    if (!S_ISREG(status.st_mode))
        return fail(path + " is no regular file");
    std::array<char, beginOfLine.size()> octets{};
    const ssize_t size = ::pread(descriptor, octets.data(), octets.size(), 0);
    if (size < 0)
        return failBySystem(path);
    // a power cut leaves octets of zero where lines should be
    const bool lost = size > 0 && octets[0] == '\0';
    if (!lost && !beginOfLine.starts_with({octets.data(), static_cast<std::size_t>(size)}))
        return fail(path + " holds something else than a tracking log");
    return {};
}

} // namespace

Result<void> mayBeTrackingFile(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (descriptor < 0 && errno == ELOOP)
        return fail(path + " is a symbolic link: name the file itself");
    if (descriptor < 0)
        return {};
    auto judged = mayBeTrackingFile(descriptor, path);
    ::close(descriptor);
    return judged;
}

void TrackingFile::close() noexcept {
    if (descriptor_ >= 0)
        ::close(descriptor_);
    descriptor_ = -1;
}

Result<void> TrackingFile::open(CivilDay today) {
    close();
    constexpr mode_t mode = 0640;
    descriptor_ = ::open(path_.c_str(),
                         O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, mode);
    if (descriptor_ < 0 && errno == ELOOP)
        return fail(path_ + " is a symbolic link: name the file itself");
    if (descriptor_ < 0)
        return failBySystem(path_);
    if (auto judged = mayBeTrackingFile(descriptor_, path_); !judged) {
        close();
        return judged;
    }
    struct stat status {};
    ::fstat(descriptor_, &status);
    halfLine_ = false;
    day_ = status.st_size == 0
               ? today
               : localDay(std::chrono::system_clock::from_time_t(status.st_mtim.tv_sec));
    return turnTo(today);
}

std::string TrackingFile::nameFor(CivilDay day) const {
    std::string name = fmt::format("{}.{}", path_, formatCivilDay(day));
    for (int i = 1; exists(name) && i < mostNames; ++i)
        name = fmt::format("{}.{}.{}", path_, formatCivilDay(day), i);
    return name;
}

Result<void> TrackingFile::moveAway() {
    if (!isAt(descriptor_, path_))
        return {};
    if (std::rename(path_.c_str(), nameFor(*day_).c_str()) != 0)
        return failBySystem(path_);
    return {};
}

Result<void> TrackingFile::turnTo(CivilDay today) {
    if (day_ == today)
        return {};
    auto moved = moveAway();
    day_ = today; // a name that cannot be given is not tried for each line
    return moved ? open(today) : moved;
}

std::size_t TrackingFile::append(std::string_view lines, std::string& trouble) {
    std::string whole;
    if (halfLine_)
        whole.append("\n");
    whole.append(lines);
    std::size_t done = 0;
    while (done < whole.size()) {
        const ssize_t octets = ::write(descriptor_, whole.data() + done, whole.size() - done);
        if (octets > 0) {
            done += static_cast<std::size_t>(octets);
        } else if (octets == 0 || errno != EINTR) {
            trouble = std::strerror(errno);
            break;
        }
    }
    if (done == 0)
        return 0;
    const std::string_view written = std::string_view(whole).substr(0, done);
    const auto ends = std::count(written.begin(), written.end(), '\n') - (halfLine_ ? 1 : 0);
    halfLine_ = written.back() != '\n';
    return static_cast<std::size_t>(ends);
}

} // namespace sluice
