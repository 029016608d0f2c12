// SPDX-License-Identifier: BSD-2-Clause
#include "common/domain_name.hh"

#include "common/text.hh"

#include <fmt/format.h>
#include <idn2.h>

#include <algorithm>
#include <cstdint>
#include <memory>

namespace sluice {

namespace {

constexpr std::size_t longestLabel = 63;
/// What libidn2 is given: a name of the longest length in the longest encoding, and no more, since
/// a sender may choose the text.
constexpr std::size_t longestUnicodeDomain = 1024;

struct FreeIdn2 {
    void operator()(std::uint8_t* text) const { idn2_free(text); }
};

bool isAscii(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool isHostCharacter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool isDomainCharacter(char c) {
    return isHostCharacter(c) || c == '.';
}

/// The root, "." alone, stays what it is: without its dot it would be no domain at all.
std::string_view withoutTrailingDot(std::string_view domain) {
    if (domain.size() > 1 && domain.ends_with('.'))
        domain.remove_suffix(1);
    return domain;
}

std::string_view withoutTrailingDots(std::string_view domain) {
    while (domain.size() > 1 && domain.ends_with('.'))
        domain.remove_suffix(1);
    return domain;
}

/// `domain` holds non-ASCII characters.
Result<std::string> toAscii(std::string_view domain) {
    if (domain.size() > longestUnicodeDomain || domain.find('\0') != std::string_view::npos)
        return fail("too long, or with a NUL in it");
    const std::string terminated(domain);
    std::uint8_t* found = nullptr;
    const int status = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(terminated.c_str()),
                                      &found, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    const std::unique_ptr<std::uint8_t, FreeIdn2> owner(found);
    if (status != IDN2_OK)
        return fail(idn2_strerror(status));
    const std::string ascii = toLowerAscii(reinterpret_cast<const char*>(owner.get()));
    // the mapping of wide forms may make an `@` or a blank, which would turn one address into
    // another
    if (!std::all_of(ascii.begin(), ascii.end(), isDomainCharacter))
        return fail("it maps to characters that no domain has");
    return std::string(withoutTrailingDot(ascii));
}

bool isAddressLiteral(std::string_view domain) {
    return domain.starts_with('[');
}

Result<void> checkLabel(std::string_view label) {
    if (label.empty())
        return fail("an empty label");
    if (label.size() > longestLabel)
        return fail(fmt::format("a label of more than {} octets", longestLabel));
    if (!std::all_of(label.begin(), label.end(), isHostCharacter))
        return fail("characters outside letters, digits, - and _");
    return {};
}

Result<void> checkDomain(std::string_view domain) {
    if (domain.size() > longestDomain)
        return fail(fmt::format("more than {} octets", longestDomain));
    for (const std::string_view label : split(domain, '.'))
        if (auto fine = checkLabel(label); !fine)
            return fine;
    return {};
}

} // namespace

std::string canonicalDomain(std::string_view domain) {
    // all of them, so that the result is its own canonical form and no number of dots evades a rule
    domain = withoutTrailingDots(domain);
    if (!isAscii(domain) && !isAddressLiteral(domain))
        if (const auto ascii = toAscii(domain))
            return std::string(withoutTrailingDots(*ascii)); // there are dots beyond ASCII
    return toLowerAscii(domain);
}

Result<std::string> parseDomain(std::string_view text) {
    if (text.empty())
        return fail("a domain is empty");
    Result<std::string> domain = toLowerAscii(withoutTrailingDot(text));
    if (!isAscii(text))
        domain = toAscii(withoutTrailingDot(text));
    if (!domain)
        return fail(quoteForDisplay(text) + " is no domain: " + domain.error().message);
    if (const auto fine = checkDomain(*domain); !fine)
        return fail(quoteForDisplay(text) + " is no domain: " + fine.error().message);
    return domain;
}

} // namespace sluice
