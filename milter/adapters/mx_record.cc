// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/mx_record.hh"

#include "common/domain_name.hh"
#include "common/ip_network.hh"
#include "common/text.hh"

#include <cstddef>
#include <optional>

namespace sluice {
namespace {

constexpr std::size_t preferenceOctets = 2;
constexpr std::size_t longestLabel = 63;
/// As it is encoded, the root at its end (RFC 1035 section 2.3.4).
constexpr std::size_t longestEncodedName = 255;

unsigned octet(char c) {
    return static_cast<unsigned char>(c);
}

/// The labels with dots between them; nullopt when the octets are not exactly one name.
std::optional<std::string> decodeName(std::string_view encoded) {
    if (encoded.empty() || encoded.size() > longestEncodedName)
        return std::nullopt;
    std::string name;
    while (!encoded.empty()) {
        const std::size_t length = octet(encoded.front());
        encoded.remove_prefix(1);
        if (length == 0)
            return encoded.empty() ? std::optional(name) : std::nullopt;
        if (length > longestLabel || length > encoded.size())
            return std::nullopt;
        if (!name.empty())
            name += '.';
        name += encoded.substr(0, length);
        encoded.remove_prefix(length);
    }
    return std::nullopt;
}

MxRecord::Target targetOf(const std::string& name) {
    if (name.empty())
        return MxRecord::Target::root;
    if (IpAddress::parse(name))
        return MxRecord::Target::address;
    return parseDomain(name) ? MxRecord::Target::host : MxRecord::Target::noName;
}

} // namespace

Result<MxRecord> parseMxRecord(std::string_view data) {
    if (data.size() <= preferenceOctets)
        return fail("an MX record is too short");
    auto name = decodeName(data.substr(preferenceOctets));
    if (!name)
        return fail("an MX record has no name in it");
    MxRecord record;
    record.preference = static_cast<std::uint16_t>(octet(data[0]) << 8U | octet(data[1]));
    record.target = targetOf(*name);
    record.name = record.target == MxRecord::Target::noName ? *name : toLowerAscii(*name);
    return record;
}

} // namespace sluice
