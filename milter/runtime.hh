// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/badmail_maildir.hh"
#include "milter/config.hh"
#include "milter/policy/policy.hh"

#include <memory>

namespace sluice {

/// The stages and edits that a configuration needs (libmilter's xxfi_negotiate); all else is left
/// out, since each stage costs the MTA a round trip.
struct MilterNeeds {
    bool helo = false;
    bool rcpt = false;
    bool data = false;
    bool headers = false;
    bool body = false;
    bool addHeaders = false;
    bool quarantine = false;
};

MilterNeeds needsOf(const Config& config);

/// What a reload replaces: settings, policy, and what hangs on them. Immutable; each connection
/// keeps the one that it began with.
struct Runtime {
    Runtime(Config settings, std::shared_ptr<BadmailStore> badmailStore)
        : config(std::move(settings)),
          policy(config.policy),
          needs(needsOf(config)),
          badmail(std::move(badmailStore)) {}

    Config config;
    Policy policy;
    MilterNeeds needs;
    std::shared_ptr<BadmailStore> badmail; ///< null: sender-action is not badmail
};

} // namespace sluice
