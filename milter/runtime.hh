// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/badmail_maildir.hh"
#include "milter/adapters/tracking_log.hh"
#include "milter/config.hh"
#include "milter/policy/policy.hh"

#include <memory>

namespace sluice {

/// The stages and edits that a configuration needs (libmilter's xxfi_negotiate). What is not here
/// is always asked for: loops are looked for in all mail, by its recipients, headers and text.
struct MilterNeeds {
    bool helo = false;
    bool data = false;
    bool addHeaders = false;
    bool changeHeaders = false;
    bool changeSender = false;
    bool changeRecipients = false;
    bool quarantine = false;
    bool refusedRecipients = false; ///< those that the MTA refuses by itself
};

MilterNeeds needsOf(const Config& config);

/// What a reload replaces: settings, policy, and what hangs on them. Immutable; each connection
/// keeps the one that it began with.
struct Runtime {
    Runtime(Config settings, std::shared_ptr<BadmailStore> badmailStore,
            std::shared_ptr<TrackingLog> trackingLog)
        : config(std::move(settings)),
          policy(config.policy),
          needs(needsOf(config)),
          badmail(std::move(badmailStore)),
          tracking(std::move(trackingLog)) {}

    Config config;
    Policy policy;
    MilterNeeds needs;
    std::shared_ptr<BadmailStore> badmail; ///< null: sender-action is not badmail
    std::shared_ptr<TrackingLog> tracking; ///< null: there is no tracking-log
};

} // namespace sluice
