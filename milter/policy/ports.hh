// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/ip_network.hh"
#include "common/mail_address.hh"
#include "milter/policy/time_point.hh"

#include <cstdint>

/// What the policy needs from outside. Answers are values, "I do not know" among them; no function
/// throws, and all may be called by any thread.
namespace sluice {

/// The recipients that exist.
class Directory {
public:
    enum class Answer : std::uint8_t {
        known,
        unknown,
        unavailable, ///< out of reach, and nothing remembered about this address
    };

    virtual ~Directory() = default;
    /// Exactly this address; plus-extensions are the caller's business.
    virtual Answer find(const MailAddress& address) noexcept = 0;
};

/// Counts the unknown recipients that each client has tried, for harvest-limit.
class HarvestCounter {
public:
    virtual ~HarvestCounter() = default;
    /// Adds one for the client, and returns how many it has in the window that ends now, this one
    /// included.
    virtual std::uint32_t countUnknown(const IpAddress& client, SteadyTime now) noexcept = 0;
};

} // namespace sluice
