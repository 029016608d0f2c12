// SPDX-License-Identifier: BSD-2-Clause
// An address, as an envelope, a header field and a configuration have it, and patterns of
// addresses.

#include "common/address_pattern.hh"
#include "common/mail_address.hh"
#include "milter/policy/header_addresses.hh"
#include "test/fuzz/fuzz_support.hh"

#include <algorithm>
#include <string>

using namespace sluice;

namespace {

bool isPrintable(const std::string& text) {
    return std::none_of(text.begin(), text.end(),
                        [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

/// What an MTA lets through; of other domains it only matters that they do no harm.
bool isHostName(const std::string& domain) {
    return domain.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") == domain.npos;
}

/// What is written out has to be read as the same address again, but for control characters.
void requireStable(const MailAddress& address) {
    const std::string text = address.text();
    fuzz::require(isPrintable(text));
    if (isHostName(address.domain())) {
        std::string local = address.local();
        std::replace_if(
            local.begin(), local.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
        const MailAddress again = MailAddress::fromPath(text);
        fuzz::require(again.domain() == address.domain() && again.local() == local);
    }
    fuzz::require(address.withoutExtension().withoutExtension() == address.withoutExtension());
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
    const std::string_view text = fuzz::textOf(octets, size);
    const MailAddress ofPath = MailAddress::fromPath(text);
    requireStable(ofPath);
    if (isPlainMailbox(text))
        fuzz::require(MailAddress::fromPath('<' + std::string(text) + '>') == ofPath);
    for (const MailAddress& address : headerAddresses(text))
        requireStable(address);
    if (const auto written = MailAddress::parse(text)) {
        requireStable(*written);
        fuzz::require(!written->local().empty() && !written->domain().empty());
    }
    static_cast<void>(AddressPattern::parse(text));
    return 0;
}
