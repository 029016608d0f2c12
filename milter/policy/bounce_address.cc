// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/bounce_address.hh"

#include "common/base32.hh"
#include "common/digest.hh"
#include "common/text.hh"
#include "milter/policy/day_code.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace sluice {
namespace {

constexpr std::string_view suffix = "-bounces";
constexpr std::size_t longestLocal = 64; // RFC 5321 section 4.5.3.1.1
/// Only we can tell a good one from a bad one, a guess a mail: 80 bits are beyond reach.
constexpr std::size_t macOctets = 10;
constexpr std::size_t macDigits = 16;
constexpr std::size_t nameDigestOctets = 10;

constexpr std::size_t longestName =
    longestLocal - suffix.size() - 1 - Key::longestId - 1 - dayDigits - 1 - macDigits;

/// Can the local part stand in front of the suffix as it is? A `+` would end the mailbox too early;
/// a `-` at the front is an option to careless programs, so some MTAs refuse it.
bool isPlainName(std::string_view local) {
    return !local.empty() && local.size() <= longestName && local.front() != '-' &&
           local.front() != '.' && local.find("..") == std::string_view::npos &&
           std::all_of(local.begin(), local.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      std::string_view("-._").find(c) != std::string_view::npos;
           });
}

std::string nameOf(const MailAddress& list) {
    if (isPlainName(list.local()))
        return list.local();
    const Digest digest = sha256(list.key());
    return "list-" + encodeBase32(std::span(digest).first(nameDigestOctets));
}

std::array<std::uint8_t, macOctets> macOf(const Key& key, CivilDay day, const MailAddress& list,
                                          const std::string& bounceDomain) {
    const Digest digest = key.mac(fmt::format("bounce address\n{} {}\n{}\n{}", key.id,
                                              encodeDay(day), bounceDomain, list.key()));
    std::array<std::uint8_t, macOctets> mac{};
    std::copy_n(digest.begin(), mac.size(), mac.begin());
    return mac;
}

/// What stands behind the `+`.
struct Signature {
    std::string_view keyId;
    CivilDay day;
    std::vector<std::uint8_t> mac;
};

std::optional<Signature> readSignature(std::string_view text) {
    const auto fields = split(text, '-');
    if (fields.size() != 3 || fields[0].size() > Key::longestId || !isBase32(fields[0]) ||
        fields[2].size() != macDigits)
        return std::nullopt;
    const auto day = decodeDay(fields[1]);
    auto mac = decodeBase32(fields[2]);
    if (!day || !mac)
        return std::nullopt;
    return Signature{fields[0], *day, std::move(*mac)};
}

/// A day ahead of ours is one of a clock that was wrong, or of a place where it is later.
bool isExpired(CivilDay day, CivilDay today) {
    return static_cast<std::int64_t>(today) - static_cast<std::int64_t>(day) > bounceAddressDays;
}

} // namespace

MailAddress bounceMailbox(const MailAddress& list, const std::string& bounceDomain) {
    return {nameOf(list).append(suffix), bounceDomain};
}

MailAddress bounceAddress(const Keyring& keyring, const MailAddress& list,
                          const std::string& bounceDomain, CivilDay today) {
    const Key& key = keyring.signer();
    return {fmt::format("{}{}+{}-{}-{}", nameOf(list), suffix, key.id, encodeDay(today),
                        encodeBase32(macOf(key, today, list, bounceDomain))),
            bounceDomain};
}

BounceStanding checkBounceAddress(const Keyring& keyring, const MailAddress& list,
                                  const std::string& bounceDomain, const MailAddress& recipient,
                                  CivilDay today) {
    const std::string_view local = recipient.local();
    const std::size_t plus = local.find('+');
    if (plus == std::string_view::npos || recipient.domain() != bounceDomain)
        return BounceStanding::none;
    const auto signature = readSignature(local.substr(plus + 1));
    if (!signature || local.substr(0, plus) != nameOf(list).append(suffix))
        return BounceStanding::none;
    const Key* const key = keyring.accepted(signature->keyId);
    if (key == nullptr ||
        !equalInConstantTime(signature->mac, macOf(*key, signature->day, list, bounceDomain)))
        return BounceStanding::bad;
    return isExpired(signature->day, today) ? BounceStanding::expired : BounceStanding::good;
}

} // namespace sluice
