// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/directory_file.hh"

#include "common/entry.hh"
#include "common/locked.hh"
#include "common/log.hh"
#include "common/table_file.hh"
#include "common/text.hh"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace sluice {
namespace {

/// A bad file is tried again after so many calls of refresh(), although it looks the same: what
/// failed may have been the disk.
constexpr unsigned callsUntilRetry = 60;

CivilDay today() {
    return localDay(std::chrono::system_clock::now());
}

/// What tells one content of a file from another. The change time stands for what the others miss:
/// a copy that keeps the time, permissions that were mended.
struct FileStamp {
    std::uint64_t device;
    std::uint64_t inode;
    std::int64_t size;
    std::int64_t modified; ///< nanoseconds
    std::int64_t changed;  ///< nanoseconds

    static Result<FileStamp> of(const std::string& path);
    /// Written in place, not replaced.
    [[nodiscard]] bool isSameFile(const FileStamp& other) const {
        return device == other.device && inode == other.inode;
    }
    friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

std::int64_t nanoseconds(const timespec& time) {
    constexpr std::int64_t perSecond = 1'000'000'000;
    return std::int64_t{time.tv_sec} * perSecond + std::int64_t{time.tv_nsec};
}

Result<FileStamp> FileStamp::of(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
        const int error = errno;
        return fail(escapeForDisplay(path) + ": " + std::generic_category().message(error));
    }
    return FileStamp{status.st_dev, status.st_ino, status.st_size, nanoseconds(status.st_mtim),
                     nanoseconds(status.st_ctim)};
}

/// The content of the file, by MailAddress::key().
class Addresses {
public:
    static Result<std::shared_ptr<const Addresses>> read(const std::string& path);

    [[nodiscard]] bool hold(const std::string& key, CivilDay day) const;
    [[nodiscard]] std::size_t size() const { return lasting_.size() + expiring_.size(); }

private:
    Result<void> add(std::string_view line);

    std::unordered_set<std::string> lasting_;
    std::unordered_map<std::string, CivilDay> expiring_; ///< with their last day
};

Result<std::shared_ptr<const Addresses>> Addresses::read(const std::string& path) {
    auto addresses = std::make_shared<Addresses>();
    std::optional<std::string> badLine; // the first one
    const auto read = readTableFile(path, [&](std::size_t number, std::string_view line) {
        if (badLine)
            return;
        if (const auto added = addresses->add(line); !added)
            badLine =
                fmt::format("{}:{}: {}", escapeForDisplay(path), number, added.error().message);
    });
    if (badLine)
        return fail(std::move(*badLine));
    if (!read)
        return tl::unexpected(read.error());
    if (addresses->size() == 0)
        return fail(escapeForDisplay(path) + ": no address in it; all mail would be refused");
    return addresses;
}

Result<void> Addresses::add(std::string_view line) {
    const auto entry = parseEntry(line);
    if (!entry)
        return tl::unexpected(entry.error());
    const auto address = MailAddress::parse(entry->value);
    if (!address)
        return tl::unexpected(address.error());
    if (!entry->attributes.expires) {
        lasting_.insert(address->key());
        return {};
    }
    CivilDay& lastDay = expiring_.emplace(address->key(), *entry->attributes.expires).first->second;
    lastDay = std::max(lastDay, *entry->attributes.expires);
    return {};
}

bool Addresses::hold(const std::string& key, CivilDay day) const {
    if (lasting_.count(key) != 0)
        return true;
    const auto found = expiring_.find(key);
    return found != expiring_.end() && found->second >= day;
}

/// What find() answers from.
struct View {
    std::shared_ptr<const Addresses> addresses;
    CivilDay day;
};

class WatchedFile : public FileDirectory {
public:
    WatchedFile(std::string path, const FileStamp& stamp,
                std::shared_ptr<const Addresses> addresses)
        : path_(std::move(path)),
          seen_(stamp),
          tried_(stamp),
          view_(std::make_shared<const View>(View{std::move(addresses), today()})) {}

    [[nodiscard]] const std::string& path() const override { return path_; }
    Answer find(const MailAddress& address) noexcept override;
    void refresh() noexcept override;

private:
    void look();
    void reload(const FileStamp& stamp);
    void take(std::shared_ptr<const Addresses> addresses);
    void keepOld(const std::string& why);
    [[nodiscard]] bool retryDue();
    void show(View view) { view_.set(std::make_shared<const View>(std::move(view))); }

    const std::string path_;
    // the thread that calls refresh() has these for itself
    std::optional<FileStamp> seen_;  ///< by the last call
    std::optional<FileStamp> tried_; ///< to read, with or without success
    unsigned callsUnchanged_ = 0;
    std::string whyBad_; ///< empty while the file is good
    unsigned callsWhileBad_ = 0;
    bool interrupted_ = false; ///< there was no memory to find out what the file is
    /// The content before this one, until the next call: a million addresses are not freed by a
    /// thread that only looks one up.
    std::shared_ptr<const Addresses> retired_;

    Snapshot<View> view_;
    /// The view is what the file says, so that who is not in it does not exist.
    std::atomic<bool> current_{true};
};

Directory::Answer WatchedFile::find(const MailAddress& address) noexcept {
    try {
        const bool current = current_; // before the view, or an older one would be taken for it
        const auto view = view_.get();
        if (view->addresses->hold(address.key(), view->day))
            return Answer::known;
        return current ? Answer::unknown : Answer::unavailable;
    } catch (const std::exception&) {
        return Answer::unavailable; // no memory for the key
    }
}

void WatchedFile::refresh() noexcept {
    retired_.reset();
    try {
        look();
    } catch (const std::exception& e) {
        current_ = false;
        tried_.reset(); // nothing says that it was read, so it will be
        callsUnchanged_ = 0;
        if (!std::exchange(interrupted_, true))
            log::warning(LogCategory::directory, "{}: {}", path_, e.what());
    }
}

void WatchedFile::look() {
    if (const auto view = view_.get(); view->day != today())
        show({view->addresses, today()});
    const auto stamp = FileStamp::of(path_);
    if (!stamp) {
        seen_.reset();
        tried_.reset();
        keepOld(stamp.error().message);
    } else if (seen_ != *stamp) {
        const bool sameFile = seen_ && seen_->isSameFile(*stamp);
        seen_ = *stamp;
        callsUnchanged_ = 0;
        if (sameFile)
            current_ = false; // whom the old content does not hold, the new one may
        else
            reload(*stamp);
    } else if (tried_ != *stamp ? ++callsUnchanged_ >= callsAtRest : retryDue()) {
        reload(*stamp);
    }
}

void WatchedFile::reload(const FileStamp& stamp) {
    const auto addresses = Addresses::read(path_);
    if (const auto after = FileStamp::of(path_); !after || *after != stamp)
        return; // the next call sees the change
    if (addresses)
        take(*addresses);
    else
        keepOld(addresses.error().message);
    tried_ = stamp;
}

void WatchedFile::take(std::shared_ptr<const Addresses> addresses) {
    const auto old = view_.get();
    const std::string name = escapeForDisplay(path_);
    const std::size_t size = addresses->size();
    show({std::move(addresses), old->day});
    retired_ = old->addresses;
    whyBad_.clear();
    interrupted_ = false;
    current_ = true;
    log::info(LogCategory::directory, "{}: {} addresses", name, size);
}

void WatchedFile::keepOld(const std::string& why) {
    current_ = false;
    interrupted_ = false;
    if (whyBad_ == why)
        return;
    whyBad_ = why;
    callsWhileBad_ = 0;
    log::warning(LogCategory::directory, "{}; the {} addresses it had before stay in use", why,
                 view_.get()->addresses->size());
}

bool WatchedFile::retryDue() {
    return !whyBad_.empty() && ++callsWhileBad_ % callsUntilRetry == 0;
}

} // namespace

Result<std::shared_ptr<FileDirectory>> FileDirectory::open(std::string path) {
    const auto stamp = FileStamp::of(path);
    if (!stamp)
        return tl::unexpected(stamp.error());
    auto addresses = Addresses::read(path);
    if (!addresses)
        return tl::unexpected(addresses.error());
    log::info(LogCategory::directory, "{}: {} addresses", escapeForDisplay(path),
              (*addresses)->size());
    return std::make_shared<WatchedFile>(std::move(path), *stamp, std::move(*addresses));
}

} // namespace sluice
