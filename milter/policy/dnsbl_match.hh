// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// What DNS lists answer, and when such an answer matches (RFC 5782 section 2.1 and
/// sluice-milter.conf(5)). Pure: the answers come from elsewhere.
namespace sluice {

/// The IPv4 address of an A record as a number: 127.0.0.2 is 0x7f000002.
using DnsblCode = std::uint32_t;

/// `127.0.0.2`, for logs.
std::string dnsblCodeText(DnsblCode code);

/// What the DNS said about one client in one zone.
struct DnsblAnswer {
    enum class Status : std::uint8_t {
        answered,  ///< there are A records: `codes`
        notListed, ///< the name does not exist, or has no A record
        unknown,   ///< no answer: time-out, SERVFAIL, a look-up that could not be started
        suspended, ///< the zone failed its self-test: nothing matches
    };

    Status status = Status::unknown;
    std::vector<DnsblCode> codes;

    friend bool operator==(const DnsblAnswer&, const DnsblAnswer&) = default;
};

/// Inclusive ranges of codes.
using CodeRanges = std::vector<std::pair<DnsblCode, DnsblCode>>;

/// `127.0.0.2,127.0.0.4-127.0.0.7`. Error: not that, or a range the wrong way round.
Result<CodeRanges> parseCodeRanges(std::string_view text);

bool contains(const CodeRanges& ranges, DnsblCode code);

/// True for what is never a listing, whatever a rule says: codes outside 127.0.0.0/8, and
/// 127.255.255.0/24, in which operators answer "you may not ask".
bool isProviderError(DnsblCode code);

/// The codes of the answer that are listings: neither isProviderError() nor in `errors`.
std::vector<DnsblCode> listingCodes(const DnsblAnswer& answer, const CodeRanges& errors);

/// When an answer matches.
class DnsblMatch {
public:
    struct Any {};
    struct Mask {
        DnsblCode bits;
    }; ///< some code has all these bits
    struct AnyBit {
        DnsblCode bits;
    }; ///< some code has at least one of them
    struct Codes {
        CodeRanges ranges;
    };
    struct Sum {
        std::bitset<256> octets;
    }; ///< the last octets that, as sums of distinct categories, always hold the wanted one

    DnsblMatch() = default;

    /// `any`, `mask:0.0.0.6`, `anybit:0.0.0.6`, `codes:…`, `sum:3/2,3,4`.
    /// Error: another form, a mask without a bit in its last three octets, a range of codes in
    /// which all are provider errors, a wanted category that is not among the categories, a
    /// category twice or outside 1 to 255, more than 16 categories.
    static Result<DnsblMatch> parse(std::string_view text);

    [[nodiscard]] bool matches(DnsblCode code) const;

private:
    using Kind = std::variant<Any, Mask, AnyBit, Codes, Sum>;
    explicit DnsblMatch(Kind kind) : kind_(std::move(kind)) {}
    Kind kind_;
};

} // namespace sluice
