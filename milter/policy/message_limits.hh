// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/facts.hh"
#include "milter/policy/verdict.hh"

#include <cstdint>
#include <optional>

namespace sluice {

struct LimitSettings {
    std::uint64_t maxSize = 0;        ///< octets of header and body; 0: none
    std::uint64_t maxSessionSize = 0; ///< octets of all messages of a connection; 0: none
    std::uint64_t maxMessages = 0;    ///< completed messages of a connection; 0: none
    std::uint64_t maxRecipients = 5000;
    std::uint64_t maxHops = 50;
};

/// How much one client may send at a time, and how far a message may have come.
class MessageLimits {
public:
    explicit MessageLimits(const LimitSettings& settings) : settings_(settings) {}

    /// Declared SIZE (RFC 1870 section 6.1), then messages and octets of the connection.
    [[nodiscard]] std::optional<Verdict> onMail(const Client& client,
                                                const Envelope& envelope) const;
    /// RFC 5321 section 4.5.3.1.10: 452 lets the client send the rest in another transaction.
    [[nodiscard]] std::optional<Verdict> onRecipient(const Envelope& envelope) const;
    /// Hop count (RFC 5321 section 6.3).
    [[nodiscard]] std::optional<Verdict> onHeaders(const HeaderList& headers) const;
    [[nodiscard]] std::optional<Verdict> onEndOfMessage(const Client& client,
                                                        std::uint64_t octets) const;
    [[nodiscard]] bool countsHops() const { return settings_.maxHops != 0; }
    [[nodiscard]] bool measuresMessages() const {
        return settings_.maxSize != 0 || settings_.maxSessionSize != 0;
    }

private:
    [[nodiscard]] std::optional<Verdict> tooLarge(std::uint64_t octets) const;

    const LimitSettings& settings_;
};

} // namespace sluice
