// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/time_point.hh"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace sluice {

/// How much of a shared store each client may fill through this node: a bucket of tokens for each,
/// and one for all. Whoever has emptied one waits until a tenth of it has come back: what belongs
/// together is to be counted in one place, and not wherever the next token leads to. One thread at
/// a time.
class ClientShares {
public:
    struct Limits {
        double ofClient = 200'000; ///< messages in `period`
        double ofAll = 2'000'000;
        std::chrono::seconds period = std::chrono::hours(6);
        std::size_t clients = 65'536; ///< known at once

        friend bool operator==(const Limits&, const Limits&) = default;
    };

    ClientShares() : ClientShares(Limits()) {}
    explicit ClientShares(const Limits& limits) : limits_(limits), all_{limits.ofAll, {}} {}

    /// True: this message of the client may be kept there.
    bool take(std::uint64_t client, SteadyTime now);

private:
    struct Bucket {
        double tokens = 0;
        SteadyTime seen;
        bool emptied = false; ///< and not filled enough since
    };
    bool hasToken(Bucket& bucket, double size, SteadyTime now) const;
    void refill(Bucket& bucket, double size, SteadyTime now) const;
    void forgetFull(SteadyTime now);

    const Limits limits_;
    Bucket all_;
    std::unordered_map<std::uint64_t, Bucket> clients_;
};

} // namespace sluice
