// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/mail_address.hh"

#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace sluice {

/// The domains whose mail this site receives, in canonical form.
class LocalDomains {
public:
    void add(const std::string& canonicalDomain) {
        if (set_.insert(canonicalDomain).second)
            names_.push_back(canonicalDomain);
    }
    [[nodiscard]] bool contains(const std::string& canonicalDomain) const {
        return set_.count(canonicalDomain) != 0;
    }
    [[nodiscard]] bool empty() const { return names_.empty(); }
    /// In the order of the configuration.
    [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

    /// The recipient that is meant: one without a domain, as a bare `postmaster` (RFC 5321 section
    /// 2.3.5), is one of the first local domain.
    [[nodiscard]] MailAddress completed(const MailAddress& recipient) const {
        const bool bare = recipient.domain().empty() && !recipient.local().empty() && !empty();
        return bare ? MailAddress(recipient.local(), names_.front()) : recipient;
    }

private:
    std::vector<std::string> names_;
    std::unordered_set<std::string> set_;
};

} // namespace sluice
