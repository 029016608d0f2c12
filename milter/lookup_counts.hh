// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/tracking_record.hh"
#include "milter/dnsbl_service.hh"

#include <map>
#include <string>
#include <vector>

namespace sluice {

/// What the look-ups of each zone came to since the last time somebody asked. One thread at a time.
class LookupCounts {
public:
    /// Those of one name are one. Zones of which nothing is new are left out.
    std::vector<ZoneCounts> since(const std::vector<DnsblZoneStatus>& zones);

private:
    std::map<std::string, ZoneCounts> before_;
};

} // namespace sluice
