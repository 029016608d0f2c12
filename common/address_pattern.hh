// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/entry.hh"
#include "common/mail_address.hh"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// One pattern of senders or recipients.
struct AddressPattern {
    enum class Kind : unsigned char {
        address,        ///< `user@example.org`
        domain,         ///< `@example.org` or `*@example.org`: everyone in the domain
        domainAndBelow, ///< `@.example.org`: the domain and all domains below it
        localPart,      ///< `user@`: that local part in any domain
        blank,          ///< `<>`
    };

    Kind kind;
    std::string key; ///< what is compared: address key, domain or local part; empty for blank

    /// Error: none of the forms above, or an invalid domain.
    static Result<AddressPattern> parse(std::string_view text);

    /// An address without a domain has only its local part (and the null address only `<>`) to
    /// match.
    [[nodiscard]] bool matches(const MailAddress& address) const;
    [[nodiscard]] std::string text() const;
};

/// A set of patterns, each with its expiry and note; a look-up costs one hash look-up a kind and
/// domain label, however many entries there are (a million is fine).
/// Filled once, then read by any number of threads.
class PatternSet {
public:
    struct Match {
        AddressPattern pattern;
        EntryAttributes attributes;
    };

    PatternSet();
    ~PatternSet();
    PatternSet(PatternSet&&) noexcept;
    PatternSet& operator=(PatternSet&&) noexcept;

    /// A pattern that is there already keeps the attributes that last longer.
    void add(const AddressPattern& pattern, EntryAttributes attributes = {});

    /// The most specific pattern that matches and has not expired: address, then local part, then
    /// domain from the longest to the shortest.
    [[nodiscard]] std::optional<Match> find(const MailAddress& address, CivilDay today) const;
    [[nodiscard]] bool contains(const MailAddress& address, CivilDay today) const;
    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] bool empty() const { return size() == 0; }

private:
    struct Tables;
    std::unique_ptr<Tables> tables_;
};

} // namespace sluice
