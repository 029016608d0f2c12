// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/known_recipients.hh"
#include "milter/adapters/ldap_client.hh"
#include "milter/policy/ports.hh"

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

namespace sluice {

/// Recipients that are entries of an LDAP directory. Every look-up asks a server, so that a change
/// counts at once; who was known lately is known while no server gives an answer. Only a search
/// that a server has carried out and that found nothing makes an address unknown: not one that
/// failed, nor one that was referred to another server.
class LdapDirectory : public Directory {
public:
    /// What is longer is nobody's (RFC 5321 section 4.5.3.1), and would cost the server's work.
    static constexpr std::size_t longestAddress = 512;

    LdapDirectory(LdapSettings settings, std::shared_ptr<KnownRecipients> known);
    ~LdapDirectory() override;
    LdapDirectory(const LdapDirectory&) = delete;
    LdapDirectory& operator=(const LdapDirectory&) = delete;

    [[nodiscard]] const LdapSettings& settings() const { return client_->settings(); }
    [[nodiscard]] const std::shared_ptr<KnownRecipients>& known() const { return known_; }
    /// Waits for the time-out of the settings at most.
    Answer find(const MailAddress& address) noexcept override;

private:
    Answer ask(const MailAddress& address, const std::string& key);
    /// Once a minute at most.
    void complain(const std::string& why);

    std::shared_ptr<LdapClient> client_;
    std::shared_ptr<KnownRecipients> known_;
    Locked<SteadyTime> complained_; ///< the last line
};

} // namespace sluice
