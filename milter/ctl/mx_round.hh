// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/ctl/mx_findings.hh"

#include <chrono>
#include <string>
#include <vector>

namespace sluice::ctl {

struct MxServer {
    IpAddress address;
    SmtpProbe probe;
    std::vector<MxFinding> findings;
};

struct MxHost {
    MailExchanger exchanger;
    std::vector<MxFinding> findings;
    std::vector<MxServer> servers; ///< one for each address
};

struct MxDomain {
    MailRoute route; ///< its exchangers are in `hosts`
    std::vector<MxFinding> findings;
    std::vector<MxHost> hosts;
    std::size_t servers = 0; ///< of all hosts
    std::size_t working = 0; ///< of them, those that take mail
};

/// What was found out at one time.
struct MxRound {
    std::chrono::system_clock::time_point time; ///< when it began
    std::vector<MxDomain> domains;
    bool trouble = false;
};

struct MxSettings {
    MailRouteSettings dns;
    SmtpProbeSettings smtp;
};

/// Looks at all servers of the domains (canonical names), each address once. Blocks until all is
/// known, or until a descriptor of the settings is readable. Error: no resolver with these
/// settings.
Result<MxRound> examineMx(const std::vector<std::string>& domains, const MxSettings& settings);

} // namespace sluice::ctl
