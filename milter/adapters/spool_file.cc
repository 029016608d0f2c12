// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/spool_file.hh"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace sluice {
namespace {

/// Repeats a call that a signal interrupted.
template<typename Call>
auto uninterrupted(Call call) {
    auto result = call();
    while (result < 0 && errno == EINTR)
        result = call();
    return result;
}

} // namespace

tl::unexpected<Error> failBySystem(std::string_view what) {
    const int error = errno;
    return fail(fmt::format("{}: {}", what, std::generic_category().message(error)));
}

Result<SpoolFile> SpoolFile::create(std::string path) {
    const int descriptor = uninterrupted([&] {
        return ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                      S_IRUSR | S_IWUSR);
    });
    if (descriptor < 0)
        return failBySystem(path);
    return SpoolFile(std::move(path), descriptor);
}

SpoolFile::SpoolFile(SpoolFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), descriptor_(std::exchange(other.descriptor_, -1)) {}

tl::unexpected<Error> SpoolFile::systemError() const {
    return failBySystem(path_);
}

Result<void> SpoolFile::write(std::string_view octets) {
    while (!octets.empty()) {
        const ssize_t written =
            uninterrupted([&] { return ::write(descriptor_, octets.data(), octets.size()); });
        if (written < 0)
            return systemError();
        if (written == 0)
            return fail(path_ + ": nothing could be written");
        octets.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

Result<void> SpoolFile::sync() {
    if (uninterrupted([&] { return ::fsync(descriptor_); }) != 0)
        return systemError();
    // a network file system may say only now that there is no space
    if (::close(std::exchange(descriptor_, -1)) != 0 && errno != EINTR)
        return systemError();
    return {};
}

Result<void> SpoolFile::moveTo(std::string path) {
    if (std::rename(path_.c_str(), path.c_str()) != 0)
        return failBySystem(path);
    path_ = std::move(path);
    return {};
}

void SpoolFile::remove() noexcept {
    if (descriptor_ >= 0)
        ::close(std::exchange(descriptor_, -1));
    if (!path_.empty())
        ::unlink(path_.c_str());
    path_.clear();
}

Result<void> syncDirectory(const std::string& path) {
    const int descriptor =
        uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (descriptor < 0)
        return failBySystem(path);
    Result<void> result;
    // EINVAL: a file system that has nothing to sync for directories
    if (uninterrupted([&] { return ::fsync(descriptor); }) != 0 && errno != EINVAL)
        result = failBySystem(path);
    ::close(descriptor);
    return result;
}

} // namespace sluice
