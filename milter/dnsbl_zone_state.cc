// SPDX-License-Identifier: BSD-2-Clause
#include "milter/dnsbl_zone_state.hh"

#include "common/log.hh"

#include <algorithm>
#include <chrono>
#include <string>

namespace sluice {

namespace {

using namespace std::chrono_literals;
constexpr std::chrono::milliseconds providerErrorPause = 1min;

std::vector<DnsblCode> providerErrorsIn(const DnsblAnswer& answer, const CodeRanges& errors) {
    std::vector<DnsblCode> found;
    std::copy_if(answer.codes.begin(), answer.codes.end(), std::back_inserter(found),
                 [&](DnsblCode code) { return isProviderError(code) || contains(errors, code); });
    return found;
}

/// True for one caller a pause.
bool mayLog(std::atomic<std::int64_t>& quietUntil) {
    const std::int64_t now = std::chrono::duration_cast<std::chrono::milliseconds>(
                                 std::chrono::steady_clock::now().time_since_epoch())
                                 .count();
    std::int64_t until = quietUntil.load();
    return now >= until &&
           quietUntil.compare_exchange_strong(until, now + providerErrorPause.count());
}

} // namespace

bool DnsblZoneState::suspended(IpFamily family) const {
    return family == IpFamily::v4 ? suspendedIpv4_ : suspendedIpv6_;
}

void DnsblZoneState::setSuspended(IpFamily family, bool suspended) {
    (family == IpFamily::v4 ? suspendedIpv4_ : suspendedIpv6_) = suspended;
}

void DnsblZoneState::count(const DnsblZone& zone, const DnsblAnswer& answer) {
    switch (answer.status) {
    case DnsblAnswer::Status::answered:
        ++(listingCodes(answer, zone.errors).empty() ? unknown : listed);
        break;
    case DnsblAnswer::Status::notListed:
        ++notListed;
        break;
    case DnsblAnswer::Status::unknown:
        ++unknown;
        break;
    case DnsblAnswer::Status::suspended:
        break;
    }
    if (!providerErrorsIn(answer, zone.errors).empty()) {
        ++providerErrors;
        noteProviderErrors(zone, answer);
    }
}

void DnsblZoneState::noteProviderErrors(const DnsblZone& zone, const DnsblAnswer& answer) {
    const auto errors = providerErrorsIn(answer, zone.errors);
    if (errors.empty() || !mayLog(quietUntil_))
        return;
    log::warning(LogCategory::dnsbl,
                 "list {} answers with an error of its provider, {}, instead of a listing; such "
                 "answers are taken for unknown",
                 zone.shown, dnsblCodeText(errors.front()));
}

} // namespace sluice
