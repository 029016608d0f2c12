// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/adapters/resolver.hh"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sluice {

struct ResolverSettings {
    enum class Source : std::uint8_t {
        system,    ///< the servers of `resolvConf`, read once
        recursive, ///< sluice itself, from the root servers down
        servers,   ///< `servers`
    };
    Source source = Source::system;
    std::vector<std::string> servers;        ///< `ADDR` or `ADDR@PORT`
    std::chrono::milliseconds timeout{2000}; ///< after which nobody waits for an answer
    std::string resolvConf = "/etc/resolv.conf";
    /// When resolvConf was last changed, in nanoseconds: settings that differ in it are not equal.
    std::int64_t resolvConfChanged = 0;

    friend bool operator==(const ResolverSettings&, const ResolverSettings&) = default;
};

/// The most questions under way in one resolver.
constexpr std::size_t mostQuestionsUnderWay = 4096;

/// libunbound in its asynchronous mode, with one thread that collects the answers.
///
/// Bounds: 4,096 questions under way, or half as many as the process may open descriptors (a
/// further one fails at once), 65,536 answers kept. TTLs are clamped to 1 s … 1 h for both kinds of
/// answers; a failure is kept 5 s. A question without an answer in `timeout` + 1 s is answered
/// `failed`; an answer that comes later is kept for the next who asks. `fresh` passes by every
/// cache of this process when others are asked (system, servers); with `recursive` libunbound may
/// answer it within the TTL. Destroying it answers `failed` what is under way; it takes as long as
/// libunbound needs to stop.
///
/// Error: a server that is no address, a resolv.conf that cannot be read, no memory or thread. The
/// new threads have the signal mask of the caller.
Result<std::shared_ptr<Resolver>> makeUnboundResolver(const ResolverSettings& settings);

} // namespace sluice
