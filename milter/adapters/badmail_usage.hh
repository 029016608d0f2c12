// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>

namespace sluice {

/// The octets that a badmail directory holds, and whose they are: of stored messages, or of
/// messages that are being written. All functions may be called by any thread.
///
/// The stored ones are counted anew from time to time, while messages come and go. What is being
/// written during a count, or is stored during it, keeps its own account and is left out of it
/// (accounted()), so that nothing is missed or taken twice.
class BadmailUsage {
public:
    explicit BadmailUsage(std::uint64_t quota) : quota_(quota) {}

    /// A message of this name is being written from now on.
    void enter(const std::string& name);
    /// Octets for a message that has entered; false when that would exceed the quota.
    [[nodiscard]] bool reserve(std::uint64_t octets);
    /// The message is written, and `stored` for good or else gone; `octets` is all it had reserved.
    void leave(const std::string& name, std::uint64_t octets, bool stored) noexcept;

    void startCount();
    /// Whether a count must leave out the files of this name.
    [[nodiscard]] bool accounted(const std::string& name) const;
    /// `octets`: all files that were not accounted().
    void finishCount(std::uint64_t octets);
    /// The count failed, and what was known before stays; nothing when it is finished.
    void cancelCount() noexcept;

private:
    const std::uint64_t quota_;
    mutable std::mutex mutex_;
    std::uint64_t stored_ = 0;
    std::uint64_t beingWritten_ = 0;
    std::set<std::string> names_; ///< of the messages being written
    bool counting_ = false;
    std::uint64_t storedMeanwhile_ = 0;    ///< since the count began
    std::set<std::string> namesMeanwhile_; ///< of these
};

} // namespace sluice
