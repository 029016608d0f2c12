// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/domain_rewrite_rules.hh"
#include "milter/policy/facts.hh"
#include "milter/policy/verdict.hh"

#include <cstddef>

namespace sluice {

/// Gives the addresses of mail that goes to the outside the domain that the outside is to see: the
/// envelope sender, and the addresses of From:, Sender: and Reply-To:. Only their domains change;
/// of a field that cannot be read with certainty, nothing. Immutable; any number of threads.
class DomainRewrite {
public:
    /// A message has one of each; to change very many would keep the MTA busy.
    static constexpr std::size_t maxFields = 100;
    /// What both MTAs take as the value of a field.
    static constexpr std::size_t longestValue = 60'000;

    explicit DomainRewrite(const DomainRewriteRules& rules) : rules_(rules) {}

    /// After all that decides about the message, as the rules see what the client sent. Adds to
    /// `decision`, and leaves a return path that stands there.
    void onEndOfMessage(const Client& client, const Envelope& envelope, const HeaderList& headers,
                        Decision& decision) const;

private:
    const DomainRewriteRules& rules_;
};

} // namespace sluice
