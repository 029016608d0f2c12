// SPDX-License-Identifier: BSD-2-Clause
#include "milter/lookup_counts.hh"

#include <utility>

namespace sluice {
namespace {

/// What came since `before`; all of it, when the counts began anew.
std::uint64_t growth(std::uint64_t now, std::uint64_t before) {
    return now >= before ? now - before : now;
}

} // namespace

std::vector<ZoneCounts> LookupCounts::since(const std::vector<DnsblZoneStatus>& zones) {
    std::map<std::string, ZoneCounts> now; // several zones of a provider have one name
    for (const DnsblZoneStatus& zone : zones) {
        ZoneCounts& sum = now[zone.zone];
        sum.zone = zone.zone;
        sum.queries += zone.queries;
        sum.listed += zone.listed;
        sum.unknown += zone.unknown;
        sum.providerErrors += zone.providerErrors;
    }
    std::vector<ZoneCounts> news;
    for (const auto& [name, total] : now) {
        const ZoneCounts& old = before_[name];
        const ZoneCounts grown{name, growth(total.queries, old.queries),
                               growth(total.listed, old.listed), growth(total.unknown, old.unknown),
                               growth(total.providerErrors, old.providerErrors)};
        if (grown != ZoneCounts{name, 0, 0, 0, 0})
            news.push_back(grown);
    }
    before_ = std::move(now);
    return news;
}

} // namespace sluice
