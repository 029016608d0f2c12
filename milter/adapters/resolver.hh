// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sluice {

/// The A records of a name.
struct AddressAnswer {
    enum class Status : std::uint8_t {
        found,    ///< `addresses` has at least one
        notFound, ///< NXDOMAIN, or the name has no A record
        failed,   ///< anything else; `why` says what
    };

    Status status = Status::failed;
    std::vector<std::uint32_t> addresses; ///< host order
    std::string why; ///< "SERVFAIL", "no answer in 3s", … empty unless failed
    /// When it came from a server; the clock's beginning where that is not known.
    std::chrono::steady_clock::time_point came = {};
};

/// A question that is on its way. Any number of threads may wait for it; dropping it is allowed at
/// any time, also after its resolver is gone.
class PendingAnswer {
public:
    virtual ~PendingAnswer() = default;
    /// The answer, or nullptr when there is none by the deadline. Returns at once when there is
    /// one.
    virtual std::shared_ptr<const AddressAnswer>
    waitUntil(std::chrono::steady_clock::time_point deadline) noexcept = 0;
};

/// Looks up A records. Threads: any. Never blocks, never throws.
class Resolver {
public:
    enum class Freshness : std::uint8_t {
        cached, ///< an answer within its TTL will do
        fresh,  ///< ask, even if an answer is kept
    };

    virtual ~Resolver() = default;
    /// `name` is absolute, with its final dot, in lower case. Equal names that are under way are
    /// asked once; answers are kept for their TTL, within bounds. A question that cannot be sent is
    /// answered `failed`. Never null.
    virtual std::shared_ptr<PendingAnswer> start(const std::string& name,
                                                 Freshness freshness) noexcept = 0;
    /// False when it can answer nothing any more and another one must be made.
    [[nodiscard]] virtual bool usable() const noexcept { return true; }
};

} // namespace sluice
