// SPDX-License-Identifier: BSD-2-Clause
#include "common/network_set.hh"

#include <algorithm>
#include <tuple>
#include <utility>

namespace sluice {

namespace {

/// Whether the first `prefix` bits are equal.
template<typename Word>
bool agree(Word a, Word b, int prefix) {
    constexpr int width = sizeof(Word) * 8;
    return prefix == 0 || (a ^ b) >> (width - prefix) == 0;
}

bool covers(std::uint32_t first, int prefix, std::uint32_t bits) {
    return agree(first, bits, prefix);
}

bool covers(const std::array<std::uint64_t, 2>& first, int prefix,
            const std::array<std::uint64_t, 2>& bits) {
    return agree(first[0], bits[0], std::min(prefix, 64)) &&
           agree(first[1], bits[1], std::max(prefix - 64, 0));
}

std::uint64_t bigEndian(const std::uint8_t* octets) {
    std::uint64_t value = 0;
    for (int at = 0; at < 8; ++at)
        value = value << 8 | octets[at];
    return value;
}

} // namespace

template<typename Bits>
void NetworkSet::Family<Bits>::append(const Pending<Bits>& network) {
    // only the one before and what encloses it can be the parent; the narrowest comes first
    auto around = first.empty() ? none : static_cast<Index>(first.size() - 1);
    while (around != none && !covers(first[around], prefix[around], network.first))
        around = parent[around];
    first.push_back(network.first);
    prefix.push_back(network.prefix);
    parent.push_back(around);
    attributes.push_back(network.attributes);
}

template<typename Bits>
template<typename IsValid>
typename NetworkSet::Family<Bits>::Index NetworkSet::Family<Bits>::find(const Bits& bits,
                                                                        IsValid isValid) const {
    const auto behind = std::upper_bound(first.begin(), first.end(), bits);
    if (behind == first.begin())
        return none;
    // each network that holds `bits` is this one or encloses it
    auto index = static_cast<Index>(behind - first.begin() - 1);
    while (index != none &&
           !(covers(first[index], prefix[index], bits) && isValid(attributes[index])))
        index = parent[index];
    return index;
}

template<typename Bits>
NetworkSet::Family<Bits> NetworkSet::sorted(std::vector<Pending<Bits>> pending,
                                            const AttributePool& pool) {
    const auto same = [](const Pending<Bits>& a, const Pending<Bits>& b) {
        return a.first == b.first && a.prefix == b.prefix;
    };
    // of equal networks the one that lasts longest comes first and is kept
    std::sort(pending.begin(), pending.end(), [&](const Pending<Bits>& a, const Pending<Bits>& b) {
        if (!same(a, b))
            return std::tie(a.first, a.prefix) < std::tie(b.first, b.prefix);
        if (pool[a.attributes].outlasts(pool[b.attributes]))
            return true;
        return !pool[b.attributes].outlasts(pool[a.attributes]) && a.attributes < b.attributes;
    });
    pending.erase(std::unique(pending.begin(), pending.end(), same), pending.end());

    Family<Bits> family;
    family.first.reserve(pending.size());
    family.prefix.reserve(pending.size());
    family.parent.reserve(pending.size());
    family.attributes.reserve(pending.size());
    for (const Pending<Bits>& network : pending)
        family.append(network);
    return family;
}

NetworkSet::V6Bits NetworkSet::v6Bits(const IpAddress& address) {
    return {bigEndian(address.octets().data()), bigEndian(address.octets().data() + 8)};
}

void NetworkSet::Builder::add(const IpNetwork& network, EntryAttributes attributes) {
    const AttributePool::Index index = attributes_.intern(std::move(attributes));
    const auto prefix = static_cast<std::uint8_t>(network.prefix());
    if (network.family() == IpFamily::v4)
        v4_.push_back({network.first().v4Bits(), index, prefix});
    else
        v6_.push_back({v6Bits(network.first()), index, prefix});
}

NetworkSet NetworkSet::Builder::build() {
    NetworkSet set;
    set.v4_ = sorted(std::exchange(v4_, {}), attributes_);
    set.v6_ = sorted(std::exchange(v6_, {}), attributes_);
    set.attributes_ = std::exchange(attributes_, {}).list();
    return set;
}

template<typename Bits>
typename NetworkSet::Family<Bits>::Index
NetworkSet::findIn(const Family<Bits>& family, const Bits& bits, CivilDay today) const {
    return family.find(bits, [this, today](AttributePool::Index index) {
        return !attributes_[index].expiredOn(today);
    });
}

template<typename Bits>
std::optional<NetworkSet::Match> NetworkSet::matchIn(const Family<Bits>& family,
                                                     const IpAddress& address, const Bits& bits,
                                                     CivilDay today) const {
    const auto index = findIn(family, bits, today);
    if (index == Family<Bits>::none)
        return std::nullopt;
    return Match{IpNetwork::around(address, family.prefix[index]),
                 attributes_[family.attributes[index]]};
}

std::optional<NetworkSet::Match> NetworkSet::find(const IpAddress& address, CivilDay today) const {
    return address.family() == IpFamily::v4 ? matchIn(v4_, address, address.v4Bits(), today)
                                            : matchIn(v6_, address, v6Bits(address), today);
}

bool NetworkSet::contains(const IpAddress& address, CivilDay today) const {
    return address.family() == IpFamily::v4
               ? findIn(v4_, address.v4Bits(), today) != Family<std::uint32_t>::none
               : findIn(v6_, v6Bits(address), today) != Family<V6Bits>::none;
}

std::size_t NetworkSet::size() const {
    return v4_.first.size() + v6_.first.size();
}

} // namespace sluice
