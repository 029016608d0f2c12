// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sockaddr;

namespace sluice {

enum class IpFamily : std::uint8_t { v4, v6 };

/// An IPv4 or IPv6 address. An IPv4-mapped IPv6 address (::ffff:192.0.2.1) *is* the IPv4 address:
/// no value of this class holds a mapped one.
class IpAddress {
public:
    static IpAddress v4(std::uint32_t hostOrder);
    static IpAddress v6(const std::array<std::uint8_t, 16>& networkOrder);

    /// Error: anything but one address in its usual text form (dotted quad, RFC 4291 section 2.2);
    /// scope ids and leading zeros in a quad are refused.
    static Result<IpAddress> parse(std::string_view text);

    /// nullopt for other families and for null.
    static std::optional<IpAddress> fromSockaddr(const sockaddr* address);

    [[nodiscard]] IpFamily family() const { return family_; }
    /// Host order; only for family v4.
    [[nodiscard]] std::uint32_t v4Bits() const;
    /// Network order; 4 octets used for v4 (the first ones), 16 for v6.
    [[nodiscard]] const std::array<std::uint8_t, 16>& octets() const { return octets_; }
    [[nodiscard]] bool isLoopback() const; ///< 127.0.0.0/8, ::1
    [[nodiscard]] int bitCount() const { return family_ == IpFamily::v4 ? 32 : 128; }

    /// Canonical (RFC 5952 for IPv6).
    [[nodiscard]] std::string text() const;

    // NOLINTNEXTLINE(modernize-use-nullptr): what is compared with 0 is not written here
    friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

private:
    IpAddress(IpFamily family, const std::array<std::uint8_t, 16>& octets)
        : family_(family), octets_(octets) {}

    IpFamily family_;
    std::array<std::uint8_t, 16> octets_;
};

/// The TCP port, in host order; nullopt for other families and for null.
std::optional<std::uint16_t> portOf(const sockaddr* address);

/// A block of addresses of one family.
class IpNetwork {
public:
    /// `192.0.2.1`, `192.0.2.0/24`, `192.0.2.0/255.255.255.0`, `2001:db8::/32`. A network inside
    /// ::ffff:0:0/96 is the IPv4 network. Error: a prefix out of range, a netmask with holes, host
    /// bits that are set (`192.0.2.1/24`; the message names the network that was probably meant).
    static Result<IpNetwork> parse(std::string_view text);

    /// The network of `prefix` bits around the address; host bits are cleared.
    static IpNetwork around(const IpAddress& address, int prefix);

    [[nodiscard]] bool contains(const IpAddress& address) const;
    [[nodiscard]] const IpAddress& first() const { return first_; }
    [[nodiscard]] int prefix() const { return prefix_; }
    [[nodiscard]] IpFamily family() const { return first_.family(); }

    /// `192.0.2.0/24`; a single address without its prefix.
    [[nodiscard]] std::string text() const;

    // NOLINTNEXTLINE(modernize-use-nullptr)
    friend auto operator<=>(const IpNetwork&, const IpNetwork&) = default;

private:
    IpNetwork(const IpAddress& first, int prefix) : first_(first), prefix_(prefix) {}

    IpAddress first_;
    int prefix_;
};

} // namespace sluice
