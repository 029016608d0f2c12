// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/badmail_archive.hh"

#include "common/text.hh"
#include "milter/adapters/badmail_message.hh"
#include "milter/adapters/file_names.hh"
#include "milter/adapters/spool_file.hh"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <utility>

namespace sluice {
namespace {

using std::chrono::system_clock;

constexpr std::size_t longestName = 255;
/// Thousands of recipients, each with the longest address.
constexpr std::size_t longestSidecar = 16UL * 1024 * 1024;

bool mayStandInId(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-';
}

Result<std::string> readAll(int file, std::size_t limit, const std::string& name) {
    std::string text;
    std::array<char, 64UL * 1024> buffer{};
    while (text.size() < limit) {
        const ssize_t got =
            ::read(file, buffer.data(), std::min(buffer.size(), limit - text.size()));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failBySystem(name);
        if (got == 0)
            break;
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
}

std::string memberOf(const nlohmann::json& sidecar, const char* name) {
    const auto found = sidecar.find(name);
    return found != sidecar.end() && found->is_string() ? found->get<std::string>() : "";
}

std::optional<BadmailEnvelope> envelopeIn(const std::string& text) {
    const auto sidecar = nlohmann::json::parse(text, nullptr, false);
    if (!sidecar.is_object())
        return std::nullopt;
    BadmailEnvelope envelope{memberOf(sidecar, "time"),
                             memberOf(sidecar, "queueId"),
                             memberOf(sidecar, "clientAddress"),
                             memberOf(sidecar, "clientName"),
                             memberOf(sidecar, "helo"),
                             memberOf(sidecar, "sender"),
                             {},
                             memberOf(sidecar, "rule")};
    if (const auto found = sidecar.find("recipients"); found != sidecar.end() && found->is_array())
        for (const nlohmann::json& recipient : *found)
            if (recipient.is_string())
                envelope.recipients.push_back(recipient.get<std::string>());
    return envelope;
}

/// The seconds that a name begins with, or when the file was last changed.
system_clock::time_point timeOf(const std::string& id, const struct stat& status) {
    constexpr std::uint64_t farAway = std::numeric_limits<std::int32_t>::max();
    const auto seconds = parseUnsigned(id.substr(0, id.find('.')));
    const auto sinceEpoch =
        std::chrono::seconds(seconds && *seconds <= farAway ? static_cast<std::int64_t>(*seconds)
                                                            : status.st_mtim.tv_sec);
    return system_clock::time_point(sinceEpoch);
}

std::string nameOf(const std::string& id, std::string_view suffix) {
    return id + std::string(suffix);
}

/// The latest first: by their time as a number, then by the rest of the name.
bool isLater(const std::string& a, const std::string& b) {
    const std::size_t digitsOfA = a.find('.');
    const std::size_t digitsOfB = b.find('.');
    return digitsOfA != digitsOfB ? digitsOfA > digitsOfB : a > b;
}

Descriptor openDirectory(int at, const std::string& path) {
    // NOLINTNEXTLINE(*-vararg): the system's interface
    return Descriptor(::openat(at, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

} // namespace

bool isBadmailId(std::string_view text) {
    return !text.empty() && text.front() != '.' &&
           text.size() + BadmailPlace::sidecarSuffix.size() <= longestName &&
           std::all_of(text.begin(), text.end(), mayStandInId);
}

Result<BadmailArchive> BadmailArchive::open(const std::string& directory) {
    const std::string shown = escapeForDisplay(directory);
    Descriptor opened = openDirectory(AT_FDCWD, directory);
    if (opened.get() < 0)
        return failBySystem(shown);
    Descriptor stored = openDirectory(opened.get(), "new");
    if (stored.get() < 0)
        return failBySystem(shown + "/new");
    return BadmailArchive(shown, std::move(opened), std::move(stored));
}

Result<std::vector<std::string>> BadmailArchive::ids() const {
    std::vector<std::string> found;
    // a descriptor of its own: each walk begins at the front
    const auto walked = forEachFileName(
        openDirectory(stored_.get(), "."), path_ + "/new", [&](std::string_view name) {
            constexpr std::string_view suffix = BadmailPlace::messageSuffix;
            if (!name.ends_with(suffix))
                return;
            name.remove_suffix(suffix.size());
            if (isBadmailId(name))
                found.emplace_back(name);
        });
    if (!walked)
        return tl::unexpected(walked.error());
    std::sort(found.begin(), found.end(), isLater);
    return found;
}

Result<Descriptor> BadmailArchive::openFile(const std::string& id, std::string_view suffix) const {
    if (!isBadmailId(id))
        return fail(quoteForDisplay(id) + " is no id of a message");
    // NOLINTNEXTLINE(*-vararg): the system's interface
    Descriptor file(::openat(stored_.get(), nameOf(id, suffix).c_str(),
                             O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat status {};
    if (file.get() < 0 && errno == ENOENT)
        return fail(id + ": there is no such message");
    if (file.get() < 0 || ::fstat(file.get(), &status) != 0)
        return failBySystem(id);
    if (!S_ISREG(status.st_mode))
        return fail(id + ": not a file");
    return file;
}

std::optional<BadmailEnvelope> BadmailArchive::envelopeOf(const std::string& id) const {
    const auto file = openFile(id, BadmailPlace::sidecarSuffix);
    if (!file)
        return std::nullopt;
    const auto text = readAll(file->get(), longestSidecar, id);
    return text ? envelopeIn(*text) : std::nullopt;
}

Result<StoredBadmail> BadmailArchive::find(const std::string& id) const {
    const auto file = openFile(id, BadmailPlace::messageSuffix);
    if (!file)
        return tl::unexpected(file.error());
    struct stat status {};
    if (::fstat(file->get(), &status) != 0)
        return failBySystem(id);
    return StoredBadmail{id, timeOf(id, status), static_cast<std::uint64_t>(status.st_size),
                         envelopeOf(id)};
}

Result<std::string> BadmailArchive::text(const std::string& id, std::size_t limit) const {
    const auto file = openFile(id, BadmailPlace::messageSuffix);
    if (!file)
        return tl::unexpected(file.error());
    return readAll(file->get(), limit, id);
}

Result<Descriptor> BadmailArchive::hold(const std::string& id) const {
    auto file = openFile(id, BadmailPlace::messageSuffix);
    if (file && ::flock(file->get(), LOCK_EX | LOCK_NB) != 0)
        return fail(id + ": somebody else is about to release it");
    return file;
}

Result<void> BadmailArchive::remove(const std::string& id) const {
    if (!isBadmailId(id))
        return fail(quoteForDisplay(id) + " is no id of a message");
    const std::string message = nameOf(id, BadmailPlace::messageSuffix);
    if (::unlinkat(stored_.get(), message.c_str(), 0) != 0) {
        if (errno == ENOENT)
            return fail(id + ": there is no such message");
        return failBySystem(id);
    }
    const std::string sidecar = nameOf(id, BadmailPlace::sidecarSuffix);
    if (::unlinkat(stored_.get(), sidecar.c_str(), 0) != 0 && errno != ENOENT)
        return failBySystem(sidecar);
    return {};
}

Result<void> BadmailArchive::noteRemovals() const {
    if (::futimens(directory_.get(), nullptr) != 0)
        return failBySystem(path_);
    return {};
}

} // namespace sluice
