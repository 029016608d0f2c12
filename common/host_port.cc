// SPDX-License-Identifier: BSD-2-Clause
#include "common/host_port.hh"

#include "common/domain_name.hh"
#include "common/ip_network.hh"
#include "common/text.hh"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

bool isDigits(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Result<std::string> parseHost(std::string_view host) {
    const bool bracketed = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
    const auto address = IpAddress::parse(bracketed ? host.substr(1, host.size() - 2) : host);
    if (address && bracketed == (address->family() == IpFamily::v6))
        return address->text();
    if (bracketed || address)
        return fail("an IPv6 address, and no other host, stands in [ ]");
    auto name = parseDomain(host);
    // a resolver takes 127.1 for an address, and 1.2.3.256 for a name
    if (name && isDigits(split(*name, '.').back()))
        return fail(quoteForDisplay(host) + " is no IPv4 address");
    return name;
}

} // namespace

Result<HostPort> HostPort::parse(std::string_view text) {
    constexpr std::uint64_t highestPort = 65535;
    const auto wrong = [&](std::string_view why) {
        return fail(fmt::format("{} is no HOST:PORT: {}", quoteForDisplay(text), why));
    };
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || text.ends_with(']'))
        return wrong("it has no port");
    const auto port = parseUnsigned(text.substr(colon + 1));
    if (!port || *port == 0 || *port > highestPort)
        return wrong(fmt::format("a port is a number from 1 to {}", highestPort));
    auto host = parseHost(text.substr(0, colon));
    if (!host)
        return wrong(host.error().message);
    return HostPort{*std::move(host), static_cast<std::uint16_t>(*port)};
}

std::string HostPort::text() const {
    const bool v6 = host.find(':') != std::string::npos;
    return fmt::format("{}{}{}:{}", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

} // namespace sluice
