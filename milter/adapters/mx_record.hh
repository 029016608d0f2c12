// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

/// One MX record (RFC 1035 section 3.3.9).
struct MxRecord {
    enum class Target : std::uint8_t {
        host,
        root,    ///< `.`: the domain takes no mail (RFC 7505)
        address, ///< an IP address in place of a name, which RFC 5321 section 5.1 does not allow
        noName,  ///< other characters than letters, digits, `-` and `_`
    };

    std::uint16_t preference = 0; ///< the lowest is tried first
    Target target = Target::host;
    /// In lower case, without its final dot; of noName as it came, its labels joined by dots.
    std::string name;

    friend bool operator==(const MxRecord&, const MxRecord&) = default;
};

/// Reads the data of a record as a resolver hands it out, names not compressed. Error: it is none.
Result<MxRecord> parseMxRecord(std::string_view data);

} // namespace sluice
