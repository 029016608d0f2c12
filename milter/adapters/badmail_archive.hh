// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/descriptor.hh"
#include "common/result.hh"
#include "milter/adapters/badmail_maildir.hh"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// A message of a badmail directory, as an operator finds it.
struct StoredBadmail {
    std::string id;                             ///< the name of its file without the suffix
    std::chrono::system_clock::time_point time; ///< when its header had come
    std::uint64_t size = 0;                     ///< octets of the message
    /// Nothing: there is no sidecar, or it is no JSON. A member that is missing is empty.
    std::optional<BadmailEnvelope> envelope;
};

/// True for what can be the name of a stored message: letters, digits, `.` and `-`, no dot at the
/// front, so that nothing outside of the directory is meant.
bool isBadmailId(std::string_view text);

/// The directory of a BadmailStore, for its operator; a filter may use it at the same time. Errors
/// are fit for a terminal. One thread at a time.
class BadmailArchive {
public:
    /// Error: there is no such directory, or nothing was ever stored in it.
    static Result<BadmailArchive> open(const std::string& directory);

    /// The names of all messages, the latest first.
    [[nodiscard]] Result<std::vector<std::string>> ids() const;
    /// Error: no id, or no such message.
    [[nodiscard]] Result<StoredBadmail> find(const std::string& id) const;
    /// At most the first `limit` octets of the message.
    [[nodiscard]] Result<std::string> text(const std::string& id, std::size_t limit) const;
    /// Keeps others from release while the result lives. Error: somebody holds it already.
    [[nodiscard]] Result<Descriptor> hold(const std::string& id) const;
    /// Deletes the message and then its sidecar. Error: no such message, or it stays.
    [[nodiscard]] Result<void> remove(const std::string& id) const;
    /// Tells a running filter that there is less now; see BadmailStore::refresh().
    [[nodiscard]] Result<void> noteRemovals() const;

private:
    BadmailArchive(std::string path, Descriptor directory, Descriptor stored)
        : path_(std::move(path)), directory_(std::move(directory)), stored_(std::move(stored)) {}
    [[nodiscard]] Result<Descriptor> openFile(const std::string& id, std::string_view suffix) const;
    [[nodiscard]] std::optional<BadmailEnvelope> envelopeOf(const std::string& id) const;

    std::string path_;
    Descriptor directory_;
    Descriptor stored_;
};

} // namespace sluice
