// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/dnsbl_match.hh"

#include "common/ip_network.hh"
#include "common/text.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <optional>

namespace sluice {

namespace {

constexpr DnsblCode firstLoopback = 0x7f000000; // 127.0.0.0
constexpr DnsblCode lastLoopback = 0x7fffffff;  // 127.255.255.255
constexpr DnsblCode firstRefusal = 0x7fffff00;  // 127.255.255.0
constexpr DnsblCode withoutFirstOctet = 0x00ffffff;
constexpr std::size_t mostCategories = 16;
constexpr std::size_t lastCategory = 255;

Result<DnsblCode> parseCode(std::string_view text) {
    const auto address = IpAddress::parse(text);
    if (!address || text.find(':') != std::string_view::npos)
        return fail(quoteForDisplay(text) + " is no code (as 127.0.0.2)");
    return address->v4Bits();
}

Result<std::pair<DnsblCode, DnsblCode>> parseCodeRange(std::string_view text) {
    const auto dash = text.find('-');
    const auto first = parseCode(text.substr(0, dash));
    if (!first)
        return tl::unexpected(first.error());
    if (dash == std::string_view::npos)
        return std::pair(*first, *first);
    const auto last = parseCode(text.substr(dash + 1));
    if (!last)
        return tl::unexpected(last.error());
    if (*last < *first)
        return fail("the range " + quoteForDisplay(text) + " is the wrong way round");
    return std::pair(*first, *last);
}

/// Whether a code of the range can be a listing.
bool canList(const std::pair<DnsblCode, DnsblCode>& range) {
    return range.first < firstRefusal && range.second >= firstLoopback;
}

Result<CodeRanges> parseListingRanges(std::string_view text) {
    auto ranges = parseCodeRanges(text);
    if (ranges && !std::all_of(ranges->begin(), ranges->end(), canList))
        return fail("in " + quoteForDisplay(text) +
                    " is a code that is never a listing (those outside 127.0.0.0/8 and those in "
                    "127.255.255.0/24 are errors of the provider)");
    return ranges;
}

Result<DnsblCode> parseMask(std::string_view text) {
    auto bits = parseCode(text);
    if (!bits)
        return bits;
    if ((*bits & withoutFirstOctet) == 0)
        return fail("the mask " + quoteForDisplay(text) +
                    " has no bit in its last three octets: it can match nothing");
    return *bits & withoutFirstOctet;
}

/// The octets that are sums of distinct categories.
std::bitset<256> sumsOf(const std::vector<std::size_t>& categories) {
    std::bitset<256> sums;
    sums.set(0);
    for (const std::size_t category : categories)
        sums |= sums << category;
    return sums;
}

Result<std::size_t> parseCategory(std::string_view text) {
    const auto number = parseUnsigned(text);
    if (!number || *number == 0 || *number > lastCategory)
        return fail(quoteForDisplay(text) + " is no category (1 to 255)");
    return static_cast<std::size_t>(*number);
}

Result<std::vector<std::size_t>> parseCategories(std::string_view text) {
    std::vector<std::size_t> categories;
    for (const std::string_view part : split(text, ',')) {
        const auto category = parseCategory(part);
        if (!category)
            return tl::unexpected(category.error());
        if (std::find(categories.begin(), categories.end(), *category) != categories.end())
            return fail(fmt::format("the category {} is given twice", *category));
        if (categories.size() == mostCategories)
            return fail(fmt::format("there are more than {} categories", mostCategories));
        categories.push_back(*category);
    }
    return categories;
}

Result<std::bitset<256>> parseSum(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos)
        return fail(quoteForDisplay(text) + " is no sum (as 3/2,3,4)");
    const auto wanted = parseCategory(text.substr(0, slash));
    if (!wanted)
        return tl::unexpected(wanted.error());
    auto categories = parseCategories(text.substr(slash + 1));
    if (!categories)
        return tl::unexpected(categories.error());
    const auto at = std::find(categories->begin(), categories->end(), *wanted);
    if (at == categories->end())
        return fail(fmt::format("the wanted category {} is not among the categories", *wanted));
    const auto all = sumsOf(*categories);
    categories->erase(at);
    return all & ~sumsOf(*categories);
}

template<typename Kind, typename Value>
auto kindOf(const Result<Value>& value) {
    return value.map([](const Value& good) { return Kind{good}; });
}

} // namespace

std::string dnsblCodeText(DnsblCode code) {
    return IpAddress::v4(code).text();
}

Result<CodeRanges> parseCodeRanges(std::string_view text) {
    CodeRanges ranges;
    for (const std::string_view part : split(text, ',')) {
        const auto range = parseCodeRange(part);
        if (!range)
            return tl::unexpected(range.error());
        ranges.push_back(*range);
    }
    return ranges;
}

bool contains(const CodeRanges& ranges, DnsblCode code) {
    return std::any_of(ranges.begin(), ranges.end(), [code](const auto& range) {
        return range.first <= code && code <= range.second;
    });
}

bool isProviderError(DnsblCode code) {
    return code < firstLoopback || code > lastLoopback || code >= firstRefusal;
}

std::vector<DnsblCode> listingCodes(const DnsblAnswer& answer, const CodeRanges& errors) {
    std::vector<DnsblCode> listings;
    std::copy_if(answer.codes.begin(), answer.codes.end(), std::back_inserter(listings),
                 [&](DnsblCode code) { return !isProviderError(code) && !contains(errors, code); });
    return listings;
}

Result<DnsblMatch> DnsblMatch::parse(std::string_view text) {
    if (text == "any")
        return DnsblMatch();
    const auto colon = text.find(':');
    const std::string_view form = text.substr(0, colon);
    const std::string_view value =
        colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
    const auto made = [](auto kind) -> Result<DnsblMatch> {
        return kind.map([](auto& good) { return DnsblMatch(Kind(std::move(good))); });
    };
    if (form == "mask")
        return made(kindOf<Mask>(parseMask(value)));
    if (form == "anybit")
        return made(kindOf<AnyBit>(parseMask(value)));
    if (form == "codes")
        return made(kindOf<Codes>(parseListingRanges(value)));
    if (form == "sum")
        return made(kindOf<Sum>(parseSum(value)));
    return fail(quoteForDisplay(text) +
                " is none of any, mask:BITS, anybit:BITS, codes:CODE,… and sum:WANTED/CATEGORY,…");
}

bool DnsblMatch::matches(DnsblCode code) const {
    struct Test {
        DnsblCode code;
        bool operator()(const Any&) const { return true; }
        bool operator()(const Mask& mask) const { return (code & mask.bits) == mask.bits; }
        bool operator()(const AnyBit& mask) const { return (code & mask.bits) != 0; }
        bool operator()(const Codes& codes) const { return contains(codes.ranges, code); }
        bool operator()(const Sum& sum) const { return sum.octets.test(code & 0xffU); }
    };
    return std::visit(Test{code}, kind_);
}

} // namespace sluice
