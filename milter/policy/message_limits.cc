// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/message_limits.hh"

#include <fmt/format.h>

namespace sluice {
namespace {

bool exceeds(std::uint64_t value, std::uint64_t limit) {
    return limit != 0 && value > limit;
}

/// True when `done + more > limit`, whatever the numbers are.
bool sumExceeds(std::uint64_t done, std::uint64_t more, std::uint64_t limit) {
    return limit != 0 && (more > limit || done > limit - more);
}

Verdict connectionUsedUp(std::string rule) {
    return refuse(SmtpReply::make<421, 4, 7, 0>("Too much for one connection, please reconnect"),
                  std::move(rule));
}

} // namespace

std::optional<Verdict> MessageLimits::tooLarge(std::uint64_t octets) const {
    const bool message = exceeds(octets, settings_.maxSize);
    if (!message && !exceeds(octets, settings_.maxSessionSize))
        return std::nullopt;
    return refuse(SmtpReply::make<552, 5, 3, 4>("Message too large"),
                  message ? "max-size" : "max-session-size");
}

std::optional<Verdict> MessageLimits::onMail(const Client& client, const Envelope& envelope) const {
    const std::uint64_t declared = envelope.declaredSize.value_or(0);
    if (auto verdict = tooLarge(declared))
        return verdict;
    if (settings_.maxMessages != 0 && client.messagesDone >= settings_.maxMessages)
        return connectionUsedUp("max-messages");
    if (sumExceeds(client.octetsDone, declared, settings_.maxSessionSize))
        return connectionUsedUp("max-session-size");
    return std::nullopt;
}

std::optional<Verdict> MessageLimits::onRecipient(const Envelope& envelope) const {
    if (settings_.maxRecipients == 0 || envelope.recipientsAccepted < settings_.maxRecipients)
        return std::nullopt;
    return refuse(SmtpReply::make<452, 4, 5, 3>("Too many recipients"), "max-recipients");
}

std::optional<Verdict> MessageLimits::onHeaders(const HeaderList& headers) const {
    if (!exceeds(headers.receivedCount(), settings_.maxHops))
        return std::nullopt;
    return refuse(SmtpReply::make<554, 5, 4, 6>("Too many hops, this looks like a mail loop"),
                  fmt::format("max-hops {}", headers.receivedCount()));
}

std::optional<Verdict> MessageLimits::onEndOfMessage(const Client& client,
                                                     std::uint64_t octets) const {
    if (auto verdict = tooLarge(octets))
        return verdict;
    if (sumExceeds(client.octetsDone, octets, settings_.maxSessionSize))
        return connectionUsedUp("max-session-size");
    return std::nullopt;
}

} // namespace sluice
