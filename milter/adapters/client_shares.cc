// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/client_shares.hh"

#include <algorithm>

namespace sluice {
namespace {

constexpr double enoughAgain = 0.1; // of the size, after a bucket was empty

} // namespace

bool ClientShares::hasToken(Bucket& bucket, double size, SteadyTime now) const {
    refill(bucket, size, now);
    const double wanted = bucket.emptied ? std::max(size * enoughAgain, 1.0) : 1.0;
    bucket.emptied = bucket.tokens < wanted;
    return !bucket.emptied;
}

void ClientShares::refill(Bucket& bucket, double size, SteadyTime now) const {
    const std::chrono::duration<double> passed = now - bucket.seen;
    const double rate = size / std::chrono::duration<double>(limits_.period).count();
    bucket.tokens = std::min(size, bucket.tokens + std::max(passed.count(), 0.0) * rate);
    bucket.seen = std::max(bucket.seen, now);
}

/// A full bucket says no more than none.
void ClientShares::forgetFull(SteadyTime now) {
    for (auto& [client, bucket] : clients_)
        refill(bucket, limits_.ofClient, now);
    std::erase_if(clients_,
                  [&](const auto& entry) { return entry.second.tokens >= limits_.ofClient; });
}

bool ClientShares::take(std::uint64_t client, SteadyTime now) {
    if (!hasToken(all_, limits_.ofAll, now))
        return false;
    auto known = clients_.find(client);
    if (known == clients_.end()) {
        if (clients_.size() >= limits_.clients)
            forgetFull(now);
        if (clients_.size() >= limits_.clients)
            clients_.clear(); // the bucket of all still counts
        known = clients_.emplace(client, Bucket{limits_.ofClient, now}).first;
    }
    Bucket& bucket = known->second;
    if (!hasToken(bucket, limits_.ofClient, now))
        return false;
    bucket.tokens -= 1;
    all_.tokens -= 1;
    return true;
}

} // namespace sluice
