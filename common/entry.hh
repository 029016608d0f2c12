// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/civil_day.hh"
#include "common/result.hh"

#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// What may stand behind the value of a table entry: `expires=2026-12-31` (that day included, local
/// time) and `note="why it is here"`.
struct EntryAttributes {
    std::optional<CivilDay> expires;
    std::string note;

    [[nodiscard]] bool expiredOn(CivilDay today) const { return expires && *expires < today; }
    /// An entry that never expires outlasts all that do.
    [[nodiscard]] bool outlasts(const EntryAttributes& other) const {
        return other.expires && (!expires || *expires > *other.expires);
    }

    friend bool operator==(const EntryAttributes&, const EntryAttributes&) = default;
};

/// One entry of a list: a value and its attributes.
struct Entry {
    std::string value;
    EntryAttributes attributes;
};

/// Reads `VALUE [expires=…] [note=…]`. A value that is quoted as a whole loses its quotes; one that
/// is quoted in part keeps them, since they belong to the address (`"Ted Bremer"@example.org`).
/// Error: no value, an unknown or repeated attribute, a bad date, a quote that is not closed.
Result<Entry> parseEntry(std::string_view text);

} // namespace sluice
