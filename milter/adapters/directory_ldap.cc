// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/directory_ldap.hh"

#include "common/log.hh"

#include <algorithm>
#include <chrono>
#include <exception>
#include <string_view>
#include <utility>

namespace sluice {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::minutes logInterval{1};

/// No entry has such an address, and some spelling of it might be that of another one.
bool isNobodys(std::string_view key) {
    return key.size() > LdapDirectory::longestAddress ||
           std::any_of(key.begin(), key.end(), [](char c) {
               const auto octet = static_cast<unsigned char>(c);
               return octet < ' ' || octet == 0x7f;
           });
}

} // namespace

LdapDirectory::LdapDirectory(LdapSettings settings, std::shared_ptr<KnownRecipients> known)
    : client_(LdapClient::start(std::move(settings))), known_(std::move(known)) {}

LdapDirectory::~LdapDirectory() {
    client_->stop();
}

Directory::Answer LdapDirectory::find(const MailAddress& address) noexcept {
    try {
        const std::string key = address.key();
        return isNobodys(key) ? Answer::unknown : ask(address, key);
    } catch (const std::exception&) {
        return Answer::unavailable; // no memory
    }
}

Directory::Answer LdapDirectory::ask(const MailAddress& address, const std::string& key) {
    const SteadyTime now = steady_clock::now();
    const LdapSettings& settings = client_->settings();
    const auto found = client_->exists({settings.base, settings.scope, settings.filter.of(address)},
                                       now + settings.timeout);
    if (!found) {
        complain(found.error().message);
        return known_->holds(key, now) ? Answer::known : Answer::unavailable;
    }
    if (*found) {
        known_->remember(key, now);
        return Answer::known;
    }
    known_->forget(key);
    return Answer::unknown;
}

void LdapDirectory::complain(const std::string& why) {
    const SteadyTime now = steady_clock::now();
    {
        auto last = complained_.lock();
        if (*last != SteadyTime() && now - *last < logInterval)
            return;
        *last = now;
    }
    log::warning(LogCategory::directory, "{}: {}; who was known lately is known", settings().name(),
                 why);
}

} // namespace sluice
