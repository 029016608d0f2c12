// SPDX-License-Identifier: BSD-2-Clause
// A table of networks, a line each, and an address in the last line: what the set finds is what a
// look at each of them finds.

#include "common/entry.hh"
#include "common/network_set.hh"
#include "test/fuzz/fuzz_support.hh"

#include <algorithm>
#include <vector>

using namespace sluice;

namespace {

const CivilDay today = parseCivilDay("2026-06-15").value();

struct Known {
    IpNetwork network;
    bool valid;
};

void requireReadAgain(const IpNetwork& network) {
    fuzz::require(IpNetwork::parse(network.text()).value() == network);
    fuzz::require(network.contains(network.first()));
    fuzz::require(IpNetwork::around(network.first(), network.prefix()) == network);
}

/// The prefix of the narrowest that holds it; -1: none does.
int narrowest(const std::vector<Known>& known, const IpAddress& address) {
    int prefix = -1;
    for (const Known& each : known)
        if (each.valid && each.network.contains(address))
            prefix = std::max(prefix, each.network.prefix());
    return prefix;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
    std::string_view text = fuzz::textOf(octets, size);
    std::vector<Known> known;
    NetworkSet::Builder builder;
    for (std::size_t end = text.find('\n'); end != text.npos; end = text.find('\n')) {
        const auto entry = parseEntry(text.substr(0, end));
        text.remove_prefix(end + 1);
        const auto network = entry ? IpNetwork::parse(entry->value) : fail("no entry");
        if (!network)
            continue;
        requireReadAgain(*network);
        known.push_back({*network, !entry->attributes.expiredOn(today)});
        builder.add(*network, entry->attributes);
    }
    const NetworkSet set = builder.build();
    const auto address = IpAddress::parse(text);
    if (!address)
        return 0;
    fuzz::require(IpAddress::parse(address->text()).value() == *address);
    const auto found = set.find(*address, today);
    fuzz::require((found ? found->network.prefix() : -1) == narrowest(known, *address));
    fuzz::require(set.contains(*address, today) == found.has_value());
    fuzz::require(!found || found->network.contains(*address));
    return 0;
}
