// SPDX-License-Identifier: BSD-2-Clause
// A rule of a DNS blocklist in the first line, and codes that a list answers, four octets each.

#include "milter/policy/dnsbl_rules.hh"
#include "test/fuzz/fuzz_support.hh"

#include <algorithm>
#include <string>

using namespace sluice;

namespace {

std::vector<DnsblCode> codesOf(std::string_view octets) {
    std::vector<DnsblCode> codes;
    for (; octets.size() >= 4; octets.remove_prefix(4)) {
        DnsblCode code = 0;
        for (const char each : octets.substr(0, 4))
            code = code << 8U | static_cast<unsigned char>(each);
        codes.push_back(code);
    }
    return codes;
}

void tryRanges(std::string_view text, const std::vector<DnsblCode>& codes) {
    const auto ranges = parseCodeRanges(text);
    if (!ranges)
        return;
    for (const auto& [first, last] : *ranges)
        fuzz::require(first <= last && contains(*ranges, first) && contains(*ranges, last));
    for (const DnsblCode code : listingCodes({DnsblAnswer::Status::answered, codes}, *ranges))
        fuzz::require(!isProviderError(code) && !contains(*ranges, code));
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
    const std::string_view text = fuzz::textOf(octets, size);
    const std::string_view line = text.substr(0, text.find('\n'));
    const auto codes = codesOf(text.substr(std::min(line.size() + 1, text.size())));
    tryRanges(line, codes);
    if (const auto match = DnsblMatch::parse(line))
        for (const DnsblCode code : codes)
            static_cast<void>(match->matches(code));
    const auto parsed = parseDnsblRule(line);
    if (!parsed)
        return 0;
    const DnsblRule& rule = parsed->rule;
    fuzz::require(!rule.name.empty() && rule.name.size() <= 64);
    fuzz::require(std::all_of(rule.replyTemplate.begin(), rule.replyTemplate.end(),
                              [](char c) { return c >= ' ' && c <= '~'; }));
    for (const DnsblCode code : codes)
        static_cast<void>(rule.match.matches(code));
    DnsblRules::Builder builder;
    fuzz::require(builder.add(*parsed).has_value() && !builder.add(*parsed));
    const DnsblRules rules = builder.build();
    fuzz::require(rules.rules().size() == 1 && rules.zones().size() == 1);
    fuzz::require(rule.provider.empty() || rules.zones().front().shown == rule.provider);
    return 0;
}
