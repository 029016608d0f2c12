// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ldap_directories.hh"

#include "common/log.hh"

#include <utility>

namespace sluice {
namespace {

void warnOfOpenPassword(const LdapSettings& settings) {
    if (!settings.password.empty() && settings.security == LdapSettings::Security::none &&
        !settings.onLoopback())
        log::warning(LogCategory::directory,
                     "{}: the password goes over the network in the clear (ldap-tls = off)",
                     settings.name());
}

} // namespace

std::shared_ptr<LdapDirectory> LdapDirectories::directoryFor(const LdapSettings& settings) const {
    std::shared_ptr<KnownRecipients> known;
    for (const auto& directory : inUse_) {
        if (directory->settings() == settings)
            return directory;
        if (directory->settings().url() == settings.url())
            known = directory->known();
    }
    warnOfOpenPassword(settings);
    if (!known)
        known = std::make_shared<KnownRecipients>();
    return std::make_shared<LdapDirectory>(settings, std::move(known));
}

void LdapDirectories::addTo(Config& config) {
    std::vector<std::shared_ptr<LdapDirectory>> wanted;
    for (const LdapSettings& settings : config.ldapDirectories) {
        wanted.push_back(directoryFor(settings));
        wanted.back()->known()->setTime(config.directoryCache);
        config.policy->recipient.directories.push_back(wanted.back());
    }
    inUse_ = std::move(wanted);
}

} // namespace sluice
