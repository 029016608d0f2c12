// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/dnsbl_health.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace sluice {

namespace {

constexpr DnsblCode listedEntry = 0x7f000002;   // 127.0.0.2
constexpr DnsblCode unlistedEntry = 0x7f000001; // 127.0.0.1

/// ::ffff:a.b.c.d; IpAddress would make it the IPv4 address.
std::array<std::uint8_t, 16> mapped(DnsblCode address) {
    std::array<std::uint8_t, 16> octets{};
    octets[10] = octets[11] = 0xff;
    for (unsigned i = 0; i < 4; ++i)
        octets[12 + i] = static_cast<std::uint8_t>(address >> (24U - 8U * i));
    return octets;
}

std::string testName(DnsblCode entry, const DnsblZone& zone, IpFamily family) {
    return family == IpFamily::v4 ? queryName(IpAddress::v4(entry), zone)
                                  : queryName(mapped(entry), zone);
}

std::string entryText(DnsblCode entry, IpFamily family) {
    return (family == IpFamily::v4 ? "" : "::ffff:") + dnsblCodeText(entry);
}

enum class Listing : std::uint8_t { yes, no, unknown };

Listing listing(const DnsblAnswer& answer, const CodeRanges& errors) {
    switch (answer.status) {
    case DnsblAnswer::Status::answered:
        return listingCodes(answer, errors).empty() ? Listing::unknown : Listing::yes;
    case DnsblAnswer::Status::notListed:
        return Listing::no;
    case DnsblAnswer::Status::unknown:
    case DnsblAnswer::Status::suspended:
        break;
    }
    return Listing::unknown;
}

} // namespace

SelfTestNames SelfTestNames::of(const DnsblZone& zone, IpFamily family) {
    return {testName(listedEntry, zone, family), testName(unlistedEntry, zone, family)};
}

SelfTestResult SelfTestResult::judge(const DnsblAnswer& mustBeListed,
                                     const DnsblAnswer& mustNotBeListed, const CodeRanges& errors,
                                     IpFamily family) {
    const Listing good = listing(mustBeListed, errors);
    const Listing bad = listing(mustNotBeListed, errors);
    if (bad == Listing::yes)
        return {Kind::listsWorld,
                fmt::format("lists the world: {} is listed", entryText(unlistedEntry, family))};
    if (good == Listing::no)
        return {Kind::missing,
                fmt::format("test entry {} is missing", entryText(listedEntry, family))};
    if (good == Listing::yes && bad == Listing::no)
        return {Kind::passed, {}};
    return {Kind::inconclusive, "no answer to the self-test"};
}

DnsblHealth::Change DnsblHealth::record(const SelfTestResult& result, SteadyTime now) {
    if (result.kind == SelfTestResult::Kind::inconclusive) {
        backOff(now);
        return Change::none;
    }
    if (!result.failed()) {
        const Change change = suspended_ ? Change::recovered : Change::none;
        suspended_ = failedBefore_ = false;
        probe_ = {};
        nextTest_ = now + schedule_.interval;
        return change;
    }
    if (!failedBefore_) {
        failedBefore_ = true;
        probe_ = {};
        nextTest_ = now + schedule_.repeat;
        return Change::none;
    }
    const Change change = suspended_ ? Change::none : Change::suspended;
    if (!suspended_)
        suspendedSince_ = now;
    suspended_ = true;
    backOff(now);
    return change;
}

void DnsblHealth::backOff(SteadyTime now) {
    probe_ = probe_.count() == 0 ? schedule_.firstProbe : std::min(2 * probe_, schedule_.lastProbe);
    nextTest_ = now + probe_;
}

} // namespace sluice
