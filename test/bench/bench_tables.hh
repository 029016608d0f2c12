// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/address_pattern.hh"
#include "common/ip_network.hh"
#include "common/network_set.hh"
#include "common/result.hh"

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

namespace sluice::bench {

/// Makes up the entries of large tables, and what to look up in them; the same for the same seed.
class EntryMaker {
public:
    /// `entries`: how many there are in a table.
    EntryMaker(std::uint64_t seed, std::size_t entries) : random_(seed), entries_(entries) {}

    /// Entry `number` of the networks: half are single IPv4 addresses, one in ten is an IPv6 /64,
    /// the rest are from /20 to /28.
    static IpNetwork network(std::size_t number);
    /// Entry `number` of the patterns: an address, one in fifty a whole domain.
    static std::string pattern(std::size_t number);
    /// The address of a client; half of them are in a network of the table.
    IpAddress client();
    /// An envelope address; half of them match a pattern.
    std::string path();

private:
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

    std::mt19937_64 random_;
    std::size_t entries_;
};

/// Writes `entries` lines. Error: the file cannot be written.
Result<void> writeNetworks(const std::string& path, std::size_t entries);
Result<void> writePatterns(const std::string& path, std::size_t entries);

/// Reads what was written, as a start of the daemon does. Error: with the line, what is wrong.
Result<NetworkSet> readNetworks(const std::string& path);
Result<PatternSet> readPatterns(const std::string& path);

} // namespace sluice::bench
