// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/badmail_maildir.hh"
#include "milter/adapters/badmail_usage.hh"

#include <memory>
#include <string>
#include <string_view>

namespace sluice {

/// What the badmail store and its messages share; a message may outlive the store. Threads: any.
struct BadmailPlace {
    static constexpr std::string_view messageSuffix = ".eml";
    static constexpr std::string_view sidecarSuffix = ".json";

    explicit BadmailPlace(const BadmailSettings& badmail)
        : settings(badmail), usage(badmail.quota) {}

    [[nodiscard]] static std::string path(const std::string& directory, std::string_view name,
                                          std::string_view suffix);

    const BadmailSettings settings;
    const std::string tmp = settings.directory + "/tmp";
    const std::string stored = settings.directory + "/new";
    BadmailUsage usage;
};

/// A message with a file of its own in tmp/. What goes wrong shows in commit().
std::unique_ptr<BadmailMessage> beginBadmailMessage(std::shared_ptr<BadmailPlace> place);

} // namespace sluice
