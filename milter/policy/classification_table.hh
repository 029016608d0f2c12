// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/classification.hh"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

/// Where a rule looks.
enum class Sign : std::uint8_t {
    header,       ///< the value of a header field of the message itself
    nullSender,   ///< the envelope sender is <>
    part,         ///< the type of a MIME part
    text,         ///< the beginning of the first text
    statusFields, ///< fields of RFC 3464 stand somewhere in the body
    original,     ///< headers of another message are attached or quoted
};

/// How a pattern is compared, with a value in lower case and, if it is for people, decoded.
enum class Match : std::uint8_t {
    present,
    equals,
    keyword, ///< the first word, before a parameter or comment
    starts,
    contains,
};

/// One row: what speaks for a class (or, with a negative weight, against it), and how strongly.
/// Where several rows of one sign (and header) and class match, the strongest counts, and all that
/// speak against it do.
struct ClassRule {
    Sign sign;
    std::string_view header; ///< for Sign::header
    Match match;
    std::string_view pattern; ///< lower case, UTF-8
    MessageClass kind;
    int weight;
    /// The sign exists to say that a message is of this class.
    bool declares = false;

    /// For the evidence: `Auto-Submitted: auto-replied`, `null sender`, …
    [[nodiscard]] std::string name() const;
};

/// The weights that make a message one of a class.
inline constexpr int enoughWeight = 80;

/// All rules. Sources: RFC 3464, 3834, 5436, 5965, 8098, 2919,
/// 2369, and what mail systems were seen to write.
std::span<const ClassRule> classRules();

/// Those that look at a header field of this name, in any case; most names have none.
std::span<const ClassRule* const> rulesOfHeader(std::string_view name);

} // namespace sluice
