// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/address_pattern.hh"
#include "milter/policy/facts.hh"
#include "milter/policy/local_domains.hh"
#include "milter/policy/time_point.hh"
#include "milter/policy/verdict.hh"

#include <cstdint>
#include <optional>
#include <string>

namespace sluice {

/// What happens to mail of a blocked sender.
enum class SenderAction : std::uint8_t { reject, drop, badmail, hold };

/// What happens to a From: in a local domain that comes from outside.
enum class SpoofCheck : std::uint8_t { off, mark, reject };

struct SenderSettings {
    PatternSet blocked; ///< block-sender
    bool blockBlank = false;
    SenderAction action = SenderAction::reject;
    bool checkFromHeader = true;
    SpoofCheck spoofCheck = SpoofCheck::off;
};

/// Which senders are welcome: by the envelope, and by From: and Sender:.
class SenderFilter {
public:
    SenderFilter(const SenderSettings& settings, const LocalDomains& localDomains)
        : settings_(settings), localDomains_(localDomains) {}

    [[nodiscard]] std::optional<Verdict> onMail(const Envelope& envelope, CivilDay today,
                                                std::vector<Note>& notes) const;
    [[nodiscard]] std::optional<Verdict> onHeaders(const Client& client, const Envelope& envelope,
                                                   const HeaderList& headers, CivilDay today,
                                                   std::vector<Note>& notes) const;
    /// True when some setting looks at headers.
    [[nodiscard]] bool readsHeaders() const;

private:
    /// The rule that blocks this address, if one does.
    [[nodiscard]] std::optional<std::string> blockedBy(const MailAddress& sender,
                                                       CivilDay today) const;
    [[nodiscard]] std::optional<Verdict> actOn(std::string rule, std::vector<Note>& notes) const;
    [[nodiscard]] std::optional<Verdict> spoofed(const Client& client, const Envelope& envelope,
                                                 const MailAddress& author,
                                                 std::vector<Note>& notes) const;

    const SenderSettings& settings_;
    const LocalDomains& localDomains_;
};

} // namespace sluice
