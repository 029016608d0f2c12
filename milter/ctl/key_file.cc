// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/key_file.hh"

#include "common/secret_file.hh"
#include "common/text.hh"
#include "common/words.hh"
#include "milter/adapters/spool_file.hh"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <system_error>
#include <vector>

namespace sluice::ctl {
namespace {

/// The key file as it was found.
struct Found {
    std::string path; ///< the file itself where the given path is a symbolic link
    std::optional<struct stat> status;
    std::string text;
    std::vector<Key> keys;
};

bool isKeyLine(std::string_view line) {
    return !withoutComment(line).empty();
}

bool holdsKeys(std::string_view text) {
    const auto lines = split(text, '\n');
    return std::any_of(lines.begin(), lines.end(), isKeyLine);
}

/// Renaming would replace a link, and leave the file that it stands for as it was.
Result<std::string> resolved(const std::string& path) {
    std::error_code error;
    if (!std::filesystem::is_symlink(path, error))
        return path;
    const auto target = std::filesystem::canonical(path, error);
    if (error)
        return fail(fmt::format("{}: {}", escapeForDisplay(path), error.message()));
    return target.string();
}

Result<void> readKeys(Found& found) {
    auto text = readSecretFile(found.path);
    if (!text)
        return tl::unexpected(text.error());
    found.text = std::move(*text);
    if (!holdsKeys(found.text))
        return {};
    const auto keyring = Keyring::parse(found.text);
    if (!keyring)
        return fail(fmt::format("{}: {}", escapeForDisplay(found.path), keyring.error().message));
    found.keys = keyring->keys();
    return {};
}

Result<Found> find(const std::string& path) {
    auto target = resolved(path);
    if (!target)
        return tl::unexpected(target.error());
    Found found{std::move(*target), std::nullopt, {}, {}};
    struct stat status {};
    if (::stat(found.path.c_str(), &status) != 0) {
        if (errno == ENOENT)
            return found;
        return failBySystem(escapeForDisplay(found.path));
    }
    found.status = status;
    if (const auto read = readKeys(found); !read)
        return tl::unexpected(read.error());
    return found;
}

/// The daemon, which runs as a user of its own, must be able to read the file as before.
Result<void> keepOwner(const std::string& path, const struct stat& old) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return failBySystem(escapeForDisplay(path));
    if (status.st_uid == old.st_uid && status.st_gid == old.st_gid)
        return {};
    if (::lchown(path.c_str(), old.st_uid, old.st_gid) != 0)
        return failBySystem(fmt::format("{}: its owner cannot be kept", escapeForDisplay(path)));
    return {};
}

Result<void> replace(const Found& found, std::string_view text) {
    const std::string temporary = fmt::format("{}.{}.new", found.path, ::getpid());
    auto file = SpoolFile::create(temporary);
    if (!file)
        return tl::unexpected(file.error());
    Result<void> done = file->write(text);
    if (done && found.status)
        done = keepOwner(temporary, *found.status);
    if (done)
        done = file->sync();
    if (done)
        done = file->moveTo(found.path);
    if (!done)
        return done;
    file->keep();
    const auto directory = std::filesystem::path(found.path).parent_path();
    return syncDirectory(directory.empty() ? "." : directory.string());
}

Key keyBeside(const std::vector<Key>& others) {
    for (;;) {
        Key key = Key::random();
        if (std::none_of(others.begin(), others.end(),
                         [&](const Key& other) { return other.id == key.id; }))
            return key;
    }
}

} // namespace

std::string withKeyOnTop(std::string_view text, const Key& key) {
    if (text.ends_with('\n'))
        text.remove_suffix(1);
    std::string changed;
    std::size_t keysSeen = 0;
    if (!holdsKeys(text))
        changed = key.line() + '\n';
    for (const std::string_view line :
         text.empty() ? std::vector<std::string_view>() : split(text, '\n')) {
        const bool isKey = isKeyLine(line);
        if (isKey && ++keysSeen == 1)
            changed += key.line() + '\n';
        if (!isKey || keysSeen < Keyring::acceptedKeys)
            changed.append(line).push_back('\n');
    }
    return changed;
}

Result<KeyChange> addKey(const std::string& path) {
    const auto found = find(path);
    if (!found)
        return tl::unexpected(found.error());
    const Key key = keyBeside(found->keys);
    if (const auto replaced = replace(*found, withKeyOnTop(found->text, key)); !replaced)
        return tl::unexpected(replaced.error());
    KeyChange change{key.id, std::nullopt, !found->status};
    if (!found->keys.empty())
        change.keptId = found->keys.front().id;
    return change;
}

} // namespace sluice::ctl
