// SPDX-License-Identifier: BSD-2-Clause
#include "common/network_set.hh"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace sluice;

namespace {

constexpr CivilDay today{20'000};
constexpr CivilDay yesterday{19'999};

IpAddress address(std::string_view text) {
    const auto parsed = IpAddress::parse(text);
    REQUIRE_MESSAGE(parsed, text);
    return *parsed;
}

IpNetwork network(std::string_view text) {
    const auto parsed = IpNetwork::parse(text);
    REQUIRE_MESSAGE(parsed, text);
    return *parsed;
}

struct Item {
    std::string_view network;
    EntryAttributes attributes = {};
};

NetworkSet setOf(const std::vector<Item>& items) {
    NetworkSet::Builder builder;
    for (const Item& item : items)
        builder.add(network(item.network), item.attributes);
    return builder.build();
}

/// The network that is found, or "-".
std::string found(const NetworkSet& set, std::string_view host, CivilDay day = today) {
    const auto match = set.find(address(host), day);
    CHECK(set.contains(address(host), day) == match.has_value());
    return match ? match->network.text() : "-";
}

} // namespace

TEST_CASE("an empty set holds nothing") {
    const NetworkSet never;
    const NetworkSet built = NetworkSet::Builder().build();
    for (const NetworkSet* set : {&never, &built}) {
        CHECK(set->empty());
        CHECK(found(*set, "192.0.2.1") == "-");
        CHECK(found(*set, "2001:db8::1") == "-");
    }
}

TEST_CASE("the narrowest network is found") {
    const NetworkSet set = setOf({{"192.0.2.0/24"},
                                  {"192.0.2.128/25"},
                                  {"192.0.2.200"},
                                  {"192.0.0.0/16"},
                                  {"198.51.100.0/24"},
                                  {"192.0.2.0/26"},
                                  {"2001:db8::/32"},
                                  {"2001:db8:1::/48"},
                                  {"2001:db8:1::1"}});
    CHECK(set.size() == 9);
    struct {
        std::string_view host;
        std::string_view network;
    } const cases[] = {
        {"0.0.0.0", "-"},
        {"255.255.255.255", "-"},
        {"191.255.255.255", "-"},
        {"192.0.0.0", "192.0.0.0/16"},
        {"192.0.2.0", "192.0.2.0/26"},
        {"192.0.2.63", "192.0.2.0/26"},
        {"192.0.2.64", "192.0.2.0/24"},
        {"192.0.2.199", "192.0.2.128/25"},
        {"192.0.2.200", "192.0.2.200"},
        {"192.0.2.201", "192.0.2.128/25"},
        {"192.0.3.0", "192.0.0.0/16"},
        {"192.1.0.0", "-"},
        {"198.51.100.255", "198.51.100.0/24"},
        {"198.51.101.0", "-"},
        {"::ffff:192.0.2.200", "192.0.2.200"},
        {"::", "-"},
        {"2001:db8::", "2001:db8::/32"},
        {"2001:db8:1::", "2001:db8:1::/48"},
        {"2001:db8:1::1", "2001:db8:1::1"},
        {"2001:db8:1::2", "2001:db8:1::/48"},
        {"2001:db8:2::", "2001:db8::/32"},
        {"2001:db9::", "-"},
        {"ffff::", "-"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.host);
        CHECK(found(set, one.host) == one.network);
    }
}

TEST_CASE("everything is in the network of prefix 0, of its own family") {
    const NetworkSet v4 = setOf({{"0.0.0.0/0"}});
    CHECK(found(v4, "0.0.0.0") == "0.0.0.0/0");
    CHECK(found(v4, "255.255.255.255") == "0.0.0.0/0");
    CHECK(found(v4, "2001:db8::1") == "-");
    const NetworkSet v6 = setOf({{"::/0"}});
    CHECK(found(v6, "::") == "::/0");
    CHECK(found(v6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") == "::/0");
    CHECK(found(v6, "::ffff:192.0.2.1") == "-");
}

TEST_CASE("an expired network gives way to the one around it") {
    const NetworkSet set = setOf({{"192.0.0.0/16", {{}, "outer"}},
                                  {"192.0.2.0/24", {yesterday, "expired"}},
                                  {"192.0.2.128/25", {today, "last day"}},
                                  {"192.0.2.200", {yesterday, "expired too"}},
                                  {"198.51.100.0/24", {yesterday, ""}}});
    CHECK(found(set, "192.0.2.1") == "192.0.0.0/16");
    CHECK(found(set, "192.0.2.1", yesterday) == "192.0.2.0/24");
    CHECK(found(set, "192.0.2.200") == "192.0.2.128/25");
    CHECK(found(set, "192.0.2.200", yesterday) == "192.0.2.200");
    CHECK(found(set, "192.0.2.200", CivilDay{20'001}) == "192.0.0.0/16");
    CHECK(found(set, "198.51.100.1") == "-");
    CHECK(found(set, "198.51.100.1", yesterday) == "198.51.100.0/24");
}

TEST_CASE("a match carries the expiry and the note of its entry") {
    const NetworkSet set =
        setOf({{"192.0.2.1", {today, "shared"}}, {"192.0.2.2", {today, "shared"}}, {"192.0.2.3"}});
    CHECK(set.find(address("192.0.2.2"), today)->attributes == EntryAttributes{today, "shared"});
    CHECK(set.find(address("192.0.2.3"), today)->attributes == EntryAttributes{});
}

TEST_CASE("of equal networks the one that lasts longest is kept") {
    const EntryAttributes forEver{{}, "for ever"};
    const EntryAttributes early{yesterday, "early"};
    const EntryAttributes late{today, "late"};
    struct {
        std::vector<EntryAttributes> added;
        EntryAttributes kept;
    } const cases[] = {
        {{early, late}, late},
        {{late, early}, late},
        {{early, forEver, late}, forEver},
        {{forEver, early}, forEver},
        {{forEver, {{}, "second"}}, forEver},
        {{late, {today, "second"}}, late},
    };
    for (const auto& one : cases) {
        NetworkSet::Builder builder;
        for (const EntryAttributes& attributes : one.added) {
            builder.add(network("192.0.2.0/24"), attributes);
            builder.add(network("2001:db8::/32"), attributes);
        }
        const NetworkSet set = builder.build();
        CHECK(set.size() == 2);
        CHECK(set.find(address("192.0.2.1"), yesterday)->attributes == one.kept);
        CHECK(set.find(address("2001:db8::1"), yesterday)->attributes == one.kept);
    }
}

TEST_CASE("a builder is empty after it has built, and can be used again") {
    NetworkSet::Builder builder;
    builder.add(network("192.0.2.1"), {today, "first"});
    const NetworkSet first = builder.build();
    CHECK(builder.build().empty());
    builder.add(network("192.0.2.2"), {today, "second"});
    const NetworkSet second = builder.build();
    CHECK(found(first, "192.0.2.2") == "-");
    CHECK(found(second, "192.0.2.1") == "-");
    CHECK(second.find(address("192.0.2.2"), today)->attributes.note == "second");
}

TEST_CASE("a copy stands on its own") {
    auto original = setOf({{"192.0.2.1", {today, "note"}}});
    const NetworkSet copy = original;
    original = NetworkSet();
    CHECK(copy.find(address("192.0.2.1"), today)->attributes.note == "note");
}

namespace {

/// Few bits vary, so that networks nest, touch and repeat.
IpAddress randomAddress(std::mt19937& random, bool v6) {
    const std::uint32_t bits = random() & 0xC003'800F;
    if (!v6)
        return IpAddress::v4(bits);
    std::array<std::uint8_t, 16> octets{0x20};
    for (std::size_t at = 0; at < 4; ++at)
        octets[6 + at] = static_cast<std::uint8_t>(bits >> (24 - 8 * at));
    return IpAddress::v6(octets);
}

EntryAttributes randomAttributes(std::mt19937& random) {
    if (random() % 2 == 0)
        return {};
    return {random() % 2 == 0 ? yesterday : today, std::to_string(random() % 3)};
}

const IpNetwork* narrowest(const std::vector<std::pair<IpNetwork, EntryAttributes>>& entries,
                           const IpAddress& host, CivilDay day) {
    const IpNetwork* best = nullptr;
    for (const auto& [net, attributes] : entries)
        if (net.contains(host) && !attributes.expiredOn(day) &&
            (best == nullptr || net.prefix() > best->prefix()))
            best = &net;
    return best;
}

} // namespace

TEST_CASE("a set finds what a search through all entries finds") {
    std::mt19937 random(20'261'231);
    for (int round = 0; round < 200; ++round) {
        const bool v6 = round % 2 == 1;
        std::vector<std::pair<IpNetwork, EntryAttributes>> entries;
        NetworkSet::Builder builder;
        const auto count = random() % 60;
        for (std::uint32_t at = 0; at < count; ++at) {
            const IpAddress inside = randomAddress(random, v6);
            const int prefix =
                static_cast<int>(random() % static_cast<unsigned>(inside.bitCount() + 1));
            entries.emplace_back(IpNetwork::around(inside, prefix), randomAttributes(random));
            builder.add(entries.back().first, entries.back().second);
        }
        const NetworkSet set = builder.build();
        for (int probe = 0; probe < 200; ++probe) {
            const IpAddress host = randomAddress(random, v6);
            const auto match = set.find(host, today);
            const IpNetwork* expected = narrowest(entries, host, today);
            REQUIRE(match.has_value() == (expected != nullptr));
            REQUIRE(set.contains(host, today) == match.has_value());
            if (expected != nullptr)
                REQUIRE(match->network == *expected);
        }
    }
}
