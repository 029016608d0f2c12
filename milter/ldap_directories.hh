// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/directory_ldap.hh"
#include "milter/config.hh"

#include <memory>
#include <vector>

namespace sluice {

/// The LDAP directories of the configuration in force. One thread at a time.
class LdapDirectories {
public:
    /// Puts those of the configuration behind its other directories. One that is in use already
    /// keeps its connections and what it knows; one of the same entries, asked in another way, what
    /// it knows.
    void addTo(Config& config);

private:
    std::shared_ptr<LdapDirectory> directoryFor(const LdapSettings& settings) const;

    std::vector<std::shared_ptr<LdapDirectory>> inUse_;
};

} // namespace sluice
