// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// What stands in the sidecar beside a stored message.
struct BadmailEnvelope {
    std::string time; ///< RFC 3339, set by the store when empty
    std::string queueId;
    std::string clientAddress;
    std::string clientName;
    std::string helo;
    std::string sender; ///< as the client wrote it, with `<>`
    std::vector<std::string> recipients;
    std::string rule; ///< the rule that chose badmail
};

struct BadmailSettings {
    std::string directory;
    std::uint64_t quota = 1ULL << 30; ///< octets of all files together
    std::chrono::milliseconds keep = std::chrono::hours(24 * 30);

    friend bool operator==(const BadmailSettings&, const BadmailSettings&) = default;
};

/// A message that is being written. Destroyed without commit() it leaves nothing behind.
/// One thread at a time.
class BadmailMessage {
public:
    virtual ~BadmailMessage() = default;
    /// Octets as the client sent them (header lines with CRLF, the empty line, body). After a first
    /// failure further calls do nothing.
    virtual void append(std::string_view octets) noexcept = 0;
    /// Makes message and sidecar durable (fsync of both, rename, fsync of the directory) and
    /// visible, in this order: the message is there only when its sidecar is. Error: anything that
    /// went wrong since the start; nothing is left behind then. Returns the path of the message.
    virtual Result<std::string> commit(const BadmailEnvelope& envelope) noexcept = 0;
};

/// The directory where badmail is kept: `tmp/` for what is being written, `new/NAME.eml` with
/// `new/NAME.json` beside it, all of mode 0600. Threads: any.
///
/// The sidecar is a JSON object of the members of BadmailEnvelope under their names, with `size`
/// (octets of the message) and `file` (its name); octets that are not UTF-8 show as U+FFFD. Names
/// are unique among all processes and hosts, and have nothing in them that a client sent.
class BadmailStore {
public:
    virtual ~BadmailStore() = default;
    /// Never null; an error (no space, over quota) shows in commit(). Throws std::bad_alloc alone.
    virtual std::unique_ptr<BadmailMessage> begin() = 0;
    /// Deletes messages older than `keep`, and what a crash left behind for more than a day; then
    /// the quota knows what an operator has deleted, directories among it. Called hourly by one
    /// thread; does disk I/O.
    virtual void expire() noexcept = 0;

    /// Counts anew what there is when the directory was touched since it was last done, as
    /// sluicectl does after it has deleted messages. Called every second by the thread of expire().
    virtual void refresh() noexcept = 0;

    /// What open() does, for a store that is in use: an operator may have cleared it out.
    virtual Result<void> reopen() = 0;

    /// Makes the sub-directories where they are missing and adds up what is there.
    /// Error: the directory is missing, not a directory, or cannot be written.
    static Result<std::shared_ptr<BadmailStore>> open(const BadmailSettings& settings);
};

} // namespace sluice
