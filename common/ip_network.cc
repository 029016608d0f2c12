// SPDX-License-Identifier: BSD-2-Clause
#include "common/ip_network.hh"

#include "common/text.hh"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <iterator>

namespace sluice {

namespace {

using Octets = std::array<std::uint8_t, 16>;

constexpr std::size_t mappedPrefixOctets = 12;
constexpr int mappedPrefixBits = 96;
/// ::ffff:0:0/96 (RFC 4291 section 2.5.5.2).
constexpr std::array<std::uint8_t, mappedPrefixOctets> mappedPrefix{0, 0, 0, 0, 0,    0,
                                                                    0, 0, 0, 0, 0xFF, 0xFF};

/// An address as it was written: a mapped one is still known as IPv6.
struct WrittenAddress {
    IpFamily family;
    Octets octets;
};

bool isMapped(const Octets& octets) {
    return std::equal(mappedPrefix.begin(), mappedPrefix.end(), octets.begin());
}

Octets unmapped(const Octets& octets) {
    Octets quad{};
    std::copy(octets.begin() + mappedPrefixOctets, octets.end(), quad.begin());
    return quad;
}

std::uint32_t hostOrder(const Octets& octets) {
    return std::uint32_t{octets[0]} << 24 | std::uint32_t{octets[1]} << 16 |
           std::uint32_t{octets[2]} << 8 | octets[3];
}

std::optional<Octets> readAs(int family, std::string_view text) {
    std::array<char, INET6_ADDRSTRLEN> terminated{};
    if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos)
        return std::nullopt;
    text.copy(terminated.data(), text.size());
    Octets octets{};
    if (::inet_pton(family, terminated.data(), octets.data()) != 1)
        return std::nullopt;
    return octets;
}

Result<WrittenAddress> readAddress(std::string_view text) {
    if (const auto quad = readAs(AF_INET, text))
        return WrittenAddress{IpFamily::v4, *quad};
    if (const auto octets = readAs(AF_INET6, text))
        return WrittenAddress{IpFamily::v6, *octets};
    if (text.find('%') != std::string_view::npos)
        return fail(quoteForDisplay(text) + " is no IP address (a scope id has no place here)");
    return fail(quoteForDisplay(text) + " is no IP address");
}

IpAddress toAddress(const WrittenAddress& written) {
    return written.family == IpFamily::v4 ? IpAddress::v4(hostOrder(written.octets))
                                          : IpAddress::v6(written.octets);
}

/// "255.255.255.0" -> 24
Result<int> readNetmask(std::string_view text, IpFamily family) {
    const auto octets = readAs(AF_INET, text);
    if (!octets || family != IpFamily::v4)
        return fail(quoteForDisplay(text) + " is no netmask of an IPv4 network");
    const std::uint32_t hostBits = ~hostOrder(*octets);
    if ((hostBits & (hostBits + 1)) != 0)
        return fail("the netmask " + quoteForDisplay(text) + " has holes");
    int prefix = 32;
    for (std::uint32_t rest = hostBits; rest != 0; rest >>= 1)
        --prefix;
    return prefix;
}

Result<int> readPrefix(std::string_view text, IpFamily family) {
    if (text.find('.') != std::string_view::npos)
        return readNetmask(text, family);
    const int longest = family == IpFamily::v4 ? 32 : 128;
    const auto bits = parseUnsigned(text);
    const bool leadingZero = text.size() > 1 && text.front() == '0';
    if (!bits || leadingZero || *bits > static_cast<std::uint64_t>(longest))
        return fail(
            fmt::format("the prefix {} is none of 0 to {}", quoteForDisplay(text), longest));
    return static_cast<int>(*bits);
}

/// A prefix that counts from the front of ::ffff:0:0/96 is meant for the IPv4 network.
Result<int> prefixInsideMapped(int prefix, const IpAddress& address) {
    if (prefix >= mappedPrefixBits)
        return prefix - mappedPrefixBits;
    if (prefix > address.bitCount())
        return fail("an IPv4-mapped network has a prefix of 96 or more");
    return fail(fmt::format("an IPv4-mapped network has a prefix of 96 or more; was {} meant?",
                            IpNetwork::around(address, prefix).text()));
}

std::string textV4(const Octets& o) {
    return fmt::format("{}.{}.{}.{}", o[0], o[1], o[2], o[3]);
}

using Fields = std::array<unsigned, 8>;

struct Run {
    std::size_t begin;
    std::size_t length;
};

/// The fields that `::` stands for: the first of the longest runs of zeros, two at least
/// (RFC 5952 section 4.2).
Run longestZeroRun(const Fields& fields) {
    Run longest{fields.size(), 1};
    for (std::size_t begin = 0; begin < fields.size(); ++begin) {
        std::size_t end = begin;
        while (end < fields.size() && fields[end] == 0)
            ++end;
        if (end - begin > longest.length)
            longest = Run{begin, end - begin};
    }
    return longest;
}

std::string textV6(const Octets& octets) {
    Fields fields{};
    for (std::size_t at = 0; at < fields.size(); ++at)
        fields[at] = unsigned{octets[2 * at]} << 8 | octets[2 * at + 1];
    const Run zeros = longestZeroRun(fields);
    std::string text;
    for (std::size_t at = 0; at < fields.size(); ++at) {
        if (at == zeros.begin) {
            text += "::";
            at += zeros.length - 1;
            continue;
        }
        if (!text.empty() && text.back() != ':')
            text += ':';
        fmt::format_to(std::back_inserter(text), "{:x}", fields[at]);
    }
    return text;
}

/// The bits of the octet at `index` that belong to a network of `prefix` bits.
std::uint8_t maskOctet(int prefix, std::size_t index) {
    const int bits = std::clamp(prefix - static_cast<int>(index) * 8, 0, 8);
    return static_cast<std::uint8_t>(0xFF00U >> bits);
}

} // namespace

IpAddress IpAddress::v4(std::uint32_t hostOrder) {
    Octets octets{};
    for (std::size_t at = 0; at < 4; ++at)
        octets[at] = static_cast<std::uint8_t>(hostOrder >> (24 - 8 * at));
    return {IpFamily::v4, octets};
}

IpAddress IpAddress::v6(const Octets& networkOrder) {
    if (isMapped(networkOrder))
        return {IpFamily::v4, unmapped(networkOrder)};
    return {IpFamily::v6, networkOrder};
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
    return readAddress(text).map(toAddress);
}

std::optional<IpAddress> IpAddress::fromSockaddr(const sockaddr* address) {
    if (address == nullptr)
        return std::nullopt;
    if (address->sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, address, sizeof in);
        return v4(ntohl(in.sin_addr.s_addr));
    }
    if (address->sa_family != AF_INET6)
        return std::nullopt;
    sockaddr_in6 in6{};
    std::memcpy(&in6, address, sizeof in6);
    Octets octets{};
    std::memcpy(octets.data(), &in6.sin6_addr, octets.size());
    return v6(octets);
}

std::optional<std::uint16_t> portOf(const sockaddr* address) {
    if (address == nullptr || (address->sa_family != AF_INET && address->sa_family != AF_INET6))
        return std::nullopt;
    // IPv6 has the port at the same place
    static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof in);
    return ntohs(in.sin_port);
}

bool IpAddress::isLoopback() const {
    static constexpr Octets ipv6Loopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    return family_ == IpFamily::v4 ? octets_[0] == 127 : octets_ == ipv6Loopback;
}

std::uint32_t IpAddress::v4Bits() const {
    return hostOrder(octets_);
}

std::string IpAddress::text() const {
    return family_ == IpFamily::v4 ? textV4(octets_) : textV6(octets_);
}

Result<IpNetwork> IpNetwork::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto written = readAddress(text.substr(0, slash));
    if (!written)
        return tl::unexpected(written.error());
    const IpAddress address = toAddress(*written);
    Result<int> prefix = address.bitCount();
    if (slash != std::string_view::npos) {
        prefix = readPrefix(text.substr(slash + 1), written->family);
        if (prefix && written->family != address.family())
            prefix = prefixInsideMapped(*prefix, address);
    }
    if (!prefix)
        return fail(quoteForDisplay(text) + ": " + prefix.error().message);
    const IpNetwork network = around(address, *prefix);
    if (network.first() != address)
        return fail(fmt::format("{} has host bits set; was {} meant?", quoteForDisplay(text),
                                network.text()));
    return network;
}

IpNetwork IpNetwork::around(const IpAddress& address, int prefix) {
    const int bits = std::clamp(prefix, 0, address.bitCount());
    Octets octets = address.octets();
    for (std::size_t at = 0; at < octets.size(); ++at)
        octets[at] &= maskOctet(bits, at);
    if (address.family() == IpFamily::v4)
        return {IpAddress::v4(hostOrder(octets)), bits};
    return {IpAddress::v6(octets), bits};
}

bool IpNetwork::contains(const IpAddress& address) const {
    return around(address, prefix_).first() == first_;
}

std::string IpNetwork::text() const {
    if (prefix_ == first_.bitCount())
        return first_.text();
    return fmt::format("{}/{}", first_.text(), prefix_);
}

} // namespace sluice
