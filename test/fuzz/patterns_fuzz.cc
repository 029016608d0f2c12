// SPDX-License-Identifier: BSD-2-Clause
// A table of address patterns, a line each, and an address in the last line: the set finds one when
// one of them matches.

#include "common/address_pattern.hh"
#include "test/fuzz/fuzz_support.hh"

#include <algorithm>
#include <vector>

using namespace sluice;

namespace {

const CivilDay today = parseCivilDay("2026-06-15").value();

bool sameAs(const AddressPattern& a, const AddressPattern& b) {
    return a.kind == b.kind && a.key == b.key;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
    std::string_view text = fuzz::textOf(octets, size);
    std::vector<AddressPattern> valid;
    PatternSet set;
    for (std::size_t end = text.find('\n'); end != text.npos; end = text.find('\n')) {
        const auto entry = parseEntry(text.substr(0, end));
        text.remove_prefix(end + 1);
        const auto pattern = entry ? AddressPattern::parse(entry->value) : fail("no entry");
        if (!pattern)
            continue;
        const auto again = AddressPattern::parse(pattern->text());
        fuzz::require(again && sameAs(*again, *pattern));
        if (!entry->attributes.expiredOn(today))
            valid.push_back(*pattern);
        set.add(*pattern, entry->attributes);
    }
    const MailAddress address = MailAddress::fromPath(text);
    const auto matches = [&](const AddressPattern& each) { return each.matches(address); };
    const auto isWhole = [&](const AddressPattern& each) {
        return each.kind == AddressPattern::Kind::address && matches(each);
    };
    const auto found = set.find(address, today);
    fuzz::require(found.has_value() == std::any_of(valid.begin(), valid.end(), matches));
    fuzz::require(set.contains(address, today) == found.has_value());
    if (!found)
        return 0;
    fuzz::require(matches(found->pattern));
    fuzz::require(isWhole(found->pattern) == std::any_of(valid.begin(), valid.end(), isWhole));
    return 0;
}
