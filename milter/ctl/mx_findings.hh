// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/mail_exchangers.hh"
#include "milter/adapters/smtp_probe.hh"

#include <string>
#include <string_view>
#include <vector>

/// What is wrong with the way to a domain's mail servers. Pure.
namespace sluice::ctl {

struct MxFinding {
    std::string_view kind; ///< for programs: `no-banner`; sluicectl(8) lists them
    bool trouble = true;   ///< else it is only worth knowing
    std::string text;      ///< for people, escaped
};

/// Of what the DNS says of the domain itself.
std::vector<MxFinding> findingsOn(const MailRoute& route);
/// Of the name of an MX and its addresses.
std::vector<MxFinding> findingsOn(const MailExchanger& exchanger);
/// Of what a server said. None: all is well.
std::vector<MxFinding> findingsOn(const SmtpProbe& probe);

/// It answered EHLO, or at least HELO, as a server does that takes mail.
bool takesMail(const SmtpProbe& probe);

/// `220 **********0*2******`: a firewall that inspects SMTP has written over the greeting.
bool isMaskedBanner(const SmtpAnswer& banner);

/// The first keyword that such a firewall has written over (`XXXXXXXA`), empty if there is none.
std::string_view maskedExtension(const SmtpAnswer& ehlo);

/// Their texts with `; ` between them, or `ok`.
std::string textOf(const std::vector<MxFinding>& findings);

} // namespace sluice::ctl
