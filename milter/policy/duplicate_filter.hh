// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/store_records.hh"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

/// The same message again and again, because something between the sender and us eats our replies.
/// A filter cannot see whether the MTA's final reply was 250, so an equal copy alone proves
/// nothing: it may be the honest retry of a message that somebody behind us has deferred.
namespace sluice {

enum class DuplicateMode : std::uint8_t {
    evidence, ///< drop once the sender has twice been seen not to hear our reply
    always,   ///< drop each equal copy: only where no filter stands behind this one
    alert,    ///< never drop
    off,      ///< do not even count
};

struct DuplicateDecision {
    bool drop = false;  ///< accept the copy (250), and discard it
    bool alert = false; ///< tell the operator, with duplicateAdvice
    std::string reason; ///< for the log; empty where both are false
};

/// Acknowledgements that must have been lost before a copy is dropped. Two, because a client may
/// idle once after a 4xx of a filter behind this one.
constexpr std::uint32_t lostAcknowledgements = 2;
/// The alert comes with this interval in a row that is nearly the same as those before it.
constexpr std::uint32_t alertAtInterval = 4;

/// What an alert says of the likely cause.
extern const std::string_view duplicateAdvice;

DuplicateDecision judgeCopy(DuplicateMode mode, const CopyAnswer& answer);

/// Did a client that said nothing more between our accept and the end of its connection fail to
/// hear us? `limit` is duplicate-silence. One that has heard any reply goes on, or quits at once.
inline bool acknowledgementLost(std::chrono::milliseconds silence,
                                std::chrono::milliseconds limit) {
    return silence >= limit;
}

} // namespace sluice
