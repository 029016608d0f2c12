// SPDX-License-Identifier: BSD-2-Clause
#include "milter/lookup_counts.hh"

#include <utility>

namespace sluice {

std::vector<ZoneCounts> LookupCounts::since(const std::vector<DnsblZoneStatus>& zones) {
    std::vector<ZoneCounts> news;
    std::map<std::string, ZoneCounts> now;
    for (const DnsblZoneStatus& zone : zones) {
        const ZoneCounts total{zone.zone, zone.queries, zone.listed, zone.unknown,
                               zone.providerErrors};
        const auto known = before_.find(zone.zone);
        const ZoneCounts old = known == before_.end() ? ZoneCounts{} : known->second;
        if (total.queries > old.queries)
            news.push_back({zone.zone, total.queries - old.queries, total.listed - old.listed,
                            total.unknown - old.unknown,
                            total.providerErrors - old.providerErrors});
        now.insert_or_assign(zone.zone, total);
    }
    before_ = std::move(now);
    return news;
}

} // namespace sluice
