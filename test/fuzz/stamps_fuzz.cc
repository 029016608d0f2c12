// SPDX-License-Identifier: BSD-2-Clause
// A trace header, a Message-ID and a signed return path that nobody has signed; and the same with
// what we signed behind them.

#include "milter/policy/bounce_address.hh"
#include "milter/policy/trace_stamp.hh"
#include "test/fuzz/fuzz_support.hh"

#include <string>

using namespace sluice;

namespace {

const Keyring& keyring() {
    static const Keyring keys = Keyring::random();
    return keys;
}

const CivilDay today = parseCivilDay("2026-06-15").value();

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
    const std::string_view text = fuzz::textOf(octets, size);
    const std::string_view value = text.substr(0, text.find('\n'));
    const std::string messageId = canonicalMessageId(text.substr(value.size()));
    fuzz::require(!verifyStamp(keyring(), value, messageId));

    const auto message = fuzz::messageOf(text);
    fuzz::require(validStamps(keyring(), message.headers, messageId).empty());

    const unsigned hop = size % 200 + 1;
    const std::string own = makeStamp(keyring(), text, hop, today, messageId);
    const auto found = verifyStamp(keyring(), own, messageId);
    fuzz::require(found && found->day == today && isFor(keyring(), *found, text));
    fuzz::require(traceHeader.size() + 2 + own.size() <= 76);
    fuzz::require(!verifyStamp(keyring(), std::string(value) + own, messageId) ||
                  value.find_first_not_of(" \t\r") == value.npos);

    const MailAddress list("team", "list.example");
    const std::string domain = "bounces.example";
    const MailAddress recipient("team-bounces+" + std::string(value), domain);
    fuzz::require(checkBounceAddress(keyring(), list, domain, recipient, today) !=
                  BounceStanding::good);
    const MailAddress odd = MailAddress::fromPath(value);
    const MailAddress path = bounceAddress(keyring(), odd, domain, today);
    fuzz::require(path.local().size() <= 64);
    fuzz::require(checkBounceAddress(keyring(), odd, domain, path, today) == BounceStanding::good);
    return 0;
}
