// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/harvest_memory.hh"

#include "common/locked.hh"

#include <algorithm>
#include <array>
#include <exception>
#include <limits>
#include <list>
#include <map>

namespace sluice {
namespace {

/// The window is this many slices long; a count looks at those and at the one that the window's
/// start is in.
constexpr std::int64_t slicesInWindow = 32;
constexpr std::int64_t slicesKept = slicesInWindow + 1;

/// The unknown recipients of one client, by slices of time.
class ClientCount {
public:
    ClientCount(const IpAddress& client, std::int64_t slice) : client_(client), newest_(slice) {}

    [[nodiscard]] const IpAddress& client() const { return client_; }
    [[nodiscard]] std::int64_t newest() const { return newest_; }

    std::uint32_t add(std::int64_t slice);

private:
    std::uint32_t& at(std::int64_t slice) {
        return perSlice_[static_cast<std::size_t>((slice % slicesKept + slicesKept) % slicesKept)];
    }

    IpAddress client_;
    std::int64_t newest_; ///< the last slice that is counted
    std::array<std::uint32_t, slicesKept> perSlice_{};
};

std::uint32_t ClientCount::add(std::int64_t slice) {
    // threads come here in another order than they took the time
    slice = std::max(slice, newest_);
    if (slice - newest_ >= slicesKept)
        perSlice_.fill(0);
    else
        for (auto empty = newest_ + 1; empty <= slice; ++empty)
            at(empty) = 0;
    newest_ = slice;

    constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
    auto& current = at(slice);
    current += current < most ? 1U : 0U;
    std::uint64_t sum = 0;
    for (const auto count : perSlice_)
        sum += count;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, most));
}

/// The clients, in a tree and not in a hash table: their addresses are theirs to choose.
class Clients {
public:
    explicit Clients(std::size_t most) : most_(std::max<std::size_t>(most, 1)) {}

    std::uint32_t add(const IpAddress& client, std::int64_t slice);

private:
    using Recent = std::list<ClientCount>; ///< the last one to be counted first

    ClientCount& touch(const IpAddress& client, std::int64_t slice);
    void forgetLast();

    const std::size_t most_;
    Recent recent_;
    std::map<IpAddress, Recent::iterator> places_;
};

std::uint32_t Clients::add(const IpAddress& client, std::int64_t slice) {
    while (!recent_.empty() && slice - recent_.back().newest() >= slicesKept)
        forgetLast();
    return touch(client, slice).add(slice);
}

ClientCount& Clients::touch(const IpAddress& client, std::int64_t slice) {
    if (const auto known = places_.find(client); known != places_.end()) {
        recent_.splice(recent_.begin(), recent_, known->second);
        return recent_.front();
    }
    if (places_.size() >= most_)
        forgetLast();
    Recent fresh;
    fresh.emplace_front(client, slice);
    places_.emplace(client, fresh.begin());
    recent_.splice(recent_.begin(), fresh);
    return recent_.front();
}

void Clients::forgetLast() {
    places_.erase(recent_.back().client());
    recent_.pop_back();
}

class MemoryHarvestCounter : public HarvestCounter {
public:
    MemoryHarvestCounter(std::chrono::milliseconds window, std::size_t maxClients)
        : slice_(sliceOf(window)), clients_(maxClients) {}

    std::uint32_t countUnknown(const IpAddress& client, SteadyTime now) noexcept override {
        try {
            return clients_.lock()->add(harvestNetwork(client), sliceAt(now));
        } catch (const std::exception&) {
            return 1; // no memory: as if the client had just come
        }
    }

private:
    using Duration = SteadyTime::duration;

    /// Rounded up, so that the slices are never shorter together than the window.
    static Duration sliceOf(std::chrono::milliseconds window) {
        const Duration whole = window;
        return std::max(Duration(1), (whole + Duration(slicesInWindow - 1)) / slicesInWindow);
    }
    [[nodiscard]] std::int64_t sliceAt(SteadyTime time) const {
        return time.time_since_epoch() / slice_;
    }

    const Duration slice_;
    Locked<Clients> clients_;
};

} // namespace

IpAddress harvestNetwork(const IpAddress& client) {
    constexpr int oneSubscriber = 64; // bits of an IPv6 address (RFC 6177)
    return client.family() == IpFamily::v4 ? client
                                           : IpNetwork::around(client, oneSubscriber).first();
}

std::shared_ptr<HarvestCounter> makeMemoryHarvestCounter(std::chrono::milliseconds window,
                                                         std::size_t maxClients) {
    return std::make_shared<MemoryHarvestCounter>(window, maxClients);
}

} // namespace sluice
