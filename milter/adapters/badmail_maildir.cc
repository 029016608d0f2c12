// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/badmail_maildir.hh"

#include "common/log.hh"
#include "milter/adapters/badmail_message.hh"
#include "milter/adapters/file_names.hh"
#include "milter/adapters/spool_file.hh"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <optional>
#include <utility>

namespace sluice {
namespace {

using std::chrono::system_clock;

/// No message takes so long to arrive or to be renamed: what is older was left by a crash.
constexpr std::chrono::hours leftoverAge{24};

system_clock::time_point timeOf(const timespec& time) {
    const auto sinceEpoch =
        std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
    return system_clock::time_point(std::chrono::duration_cast<system_clock::duration>(sinceEpoch));
}

/// What lstat(2) says of a file; nullopt when it is gone, or no file.
struct FileStatus {
    std::uint64_t size;
    system_clock::time_point changed;

    static std::optional<FileStatus> of(const std::string& path) {
        struct stat status {};
        if (lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
            return std::nullopt;
        return FileStatus{static_cast<std::uint64_t>(status.st_size), timeOf(status.st_mtim)};
    }
};

/// One walk through the files of a store: adds up what they hold, and deletes what is too old.
class Sweep {
public:
    Sweep(BadmailPlace& place, bool deleting) : place_(place), deleting_(deleting) {
        place_.usage.startCount();
    }
    Sweep(const Sweep&) = delete;
    Sweep& operator=(const Sweep&) = delete;
    ~Sweep() { place_.usage.cancelCount(); }

    /// Walks, and tells the place how much there is. Error: a directory cannot be read.
    Result<void> run();
    [[nodiscard]] std::size_t deletedMessages() const { return deletedMessages_; }

private:
    Result<void> walk(const std::string& directory);
    void visit(const std::filesystem::path& file, bool inTmp);
    bool deleteIfOld(const std::filesystem::path& file, const FileStatus& status, bool inTmp);
    bool deleteMessageIfOld(const std::filesystem::path& file, const FileStatus& status);
    [[nodiscard]] bool isOlder(const FileStatus& status, std::chrono::milliseconds age) const {
        return now_ - status.changed > age;
    }

    BadmailPlace& place_;
    const bool deleting_;
    const system_clock::time_point now_ = system_clock::now();
    std::uint64_t octets_ = 0;
    std::size_t deletedMessages_ = 0;
};

Result<void> Sweep::run() {
    auto walked = walk(place_.tmp).and_then([this] { return walk(place_.stored); });
    if (walked)
        place_.usage.finishCount(octets_);
    return walked;
}

Result<void> Sweep::walk(const std::string& directory) {
    const std::filesystem::path path(directory);
    return forEachFileName(
        directory, [&](std::string_view name) { visit(path / name, directory == place_.tmp); });
}

void Sweep::visit(const std::filesystem::path& file, bool inTmp) {
    if (place_.usage.accounted(file.stem()))
        return;
    const auto status = FileStatus::of(file);
    if (status && !(deleting_ && deleteIfOld(file, *status, inTmp)))
        octets_ += status->size;
}

bool Sweep::deleteIfOld(const std::filesystem::path& file, const FileStatus& status, bool inTmp) {
    if (inTmp)
        return isOlder(status, leftoverAge) && ::unlink(file.c_str()) == 0;
    if (file.extension() == BadmailPlace::messageSuffix)
        return deleteMessageIfOld(file, status);
    if (file.extension() != BadmailPlace::sidecarSuffix)
        return false; // an operator's
    auto message = file;
    message.replace_extension(BadmailPlace::messageSuffix);
    if (const auto messageStatus = FileStatus::of(message))
        return deleteMessageIfOld(message, *messageStatus);
    return isOlder(status, leftoverAge) && ::unlink(file.c_str()) == 0;
}

bool Sweep::deleteMessageIfOld(const std::filesystem::path& file, const FileStatus& status) {
    if (!isOlder(status, place_.settings.keep))
        return false;
    if (::unlink(file.c_str()) == 0)
        ++deletedMessages_;
    else if (errno != ENOENT) // an operator was quicker: then the sidecar goes as well
        return false;
    auto sidecar = file;
    ::unlink(sidecar.replace_extension(BadmailPlace::sidecarSuffix).c_str());
    return true;
}

class MaildirStore : public BadmailStore {
public:
    explicit MaildirStore(const BadmailSettings& settings)
        : place_(std::make_shared<BadmailPlace>(settings)) {}

    Result<void> reopen() override;
    std::unique_ptr<BadmailMessage> begin() override { return beginBadmailMessage(place_); }
    void expire() noexcept override;
    void refresh() noexcept override;

private:
    [[nodiscard]] Result<void> makeDirectories() const;
    /// Remembers when the directory was touched, before it is looked through.
    Result<void> prepare();

    const std::shared_ptr<BadmailPlace> place_;
    std::atomic<system_clock::rep> touched_{0};
};

/// When a name in the directory itself came or went, or somebody touched it; 0: it is not there.
system_clock::rep lastTouch(const std::string& directory) {
    struct stat status {};
    if (stat(directory.c_str(), &status) != 0)
        return 0;
    return timeOf(status.st_mtim).time_since_epoch().count();
}

Result<struct stat> statusOfDirectory(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0)
        return failBySystem(path);
    if (!S_ISDIR(status.st_mode))
        return fail(path + ": not a directory");
    return status;
}

Result<struct stat> ensureDirectory(const std::string& path) {
    if (mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST)
        return failBySystem(path);
    auto status = statusOfDirectory(path);
    if (status && faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) != 0)
        return failBySystem(path);
    return status;
}

Result<void> MaildirStore::makeDirectories() const {
    const std::string& directory = place_->settings.directory;
    if (const auto status = statusOfDirectory(directory); !status)
        return tl::unexpected(status.error());
    const auto tmp = ensureDirectory(place_->tmp);
    if (!tmp)
        return tl::unexpected(tmp.error());
    const auto stored = ensureDirectory(place_->stored);
    if (!stored)
        return tl::unexpected(stored.error());
    if (tmp->st_dev != stored->st_dev)
        return fail(fmt::format("{} and {} are not on one file system: nothing can be renamed",
                                place_->tmp, place_->stored));
    return syncDirectory(directory);
}

Result<void> MaildirStore::prepare() {
    auto made = makeDirectories();
    touched_ = lastTouch(place_->settings.directory);
    return made;
}

Result<void> MaildirStore::reopen() {
    return prepare().and_then([&] { return Sweep(*place_, false).run(); });
}

void MaildirStore::refresh() noexcept {
    try {
        if (lastTouch(place_->settings.directory) == touched_)
            return;
        if (auto counted = reopen(); !counted)
            log::warning(LogCategory::badmail, "cannot count anew: {}", counted.error().message);
    } catch (const std::exception& e) {
        log::warning(LogCategory::badmail, "cannot count anew: {}", e.what());
    }
}

void MaildirStore::expire() noexcept {
    try {
        Sweep sweep(*place_, true);
        if (auto swept = prepare().and_then([&] { return sweep.run(); }); !swept)
            log::warning(LogCategory::badmail, "cannot clear out: {}", swept.error().message);
        if (sweep.deletedMessages() > 0)
            log::info(LogCategory::badmail, "{}: {} old messages deleted",
                      place_->settings.directory, sweep.deletedMessages());
    } catch (const std::exception& e) {
        log::warning(LogCategory::badmail, "cannot clear out: {}", e.what());
    }
}

} // namespace

Result<std::shared_ptr<BadmailStore>> BadmailStore::open(const BadmailSettings& settings) {
    auto store = std::make_shared<MaildirStore>(settings);
    if (auto prepared = store->reopen(); !prepared)
        return tl::unexpected(prepared.error());
    return store;
}

} // namespace sluice
