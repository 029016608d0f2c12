// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/mx_round.hh"

#include <algorithm>
#include <map>
#include <utility>

namespace sluice::ctl {
namespace {

using Probes = std::map<IpAddress, SmtpProbe>;

Probes probeAll(const std::vector<MailRoute>& routes, const SmtpProbeSettings& settings) {
    Probes probes;
    std::vector<IpAddress> addresses;
    for (const MailRoute& route : routes)
        for (const MailExchanger& exchanger : route.exchangers)
            for (const IpAddress& address : exchanger.addresses)
                if (probes.emplace(address, SmtpProbe()).second)
                    addresses.push_back(address);
    const std::vector<SmtpProbe> done = probeSmtp(addresses, settings);
    for (std::size_t i = 0; i < addresses.size(); ++i)
        probes[addresses[i]] = done[i];
    return probes;
}

bool anyTrouble(const std::vector<MxFinding>& findings) {
    return std::any_of(findings.begin(), findings.end(),
                       [](const MxFinding& finding) { return finding.trouble; });
}

bool anyTrouble(const MxDomain& domain) {
    return anyTrouble(domain.findings) ||
           std::any_of(domain.hosts.begin(), domain.hosts.end(), [](const MxHost& host) {
               return anyTrouble(host.findings) ||
                      std::any_of(
                          host.servers.begin(), host.servers.end(),
                          [](const MxServer& server) { return anyTrouble(server.findings); });
           });
}

MxHost judge(MailExchanger exchanger, const Probes& probes) {
    MxHost host;
    host.findings = findingsOn(exchanger);
    for (const IpAddress& address : exchanger.addresses) {
        const SmtpProbe& probe = probes.at(address);
        host.servers.push_back({address, probe, findingsOn(probe)});
    }
    host.exchanger = std::move(exchanger);
    return host;
}

MxDomain judge(MailRoute route, const Probes& probes) {
    MxDomain domain;
    domain.findings = findingsOn(route);
    for (MailExchanger& exchanger : route.exchangers)
        domain.hosts.push_back(judge(std::move(exchanger), probes));
    route.exchangers.clear();
    domain.route = std::move(route);
    for (const MxHost& host : domain.hosts)
        for (const MxServer& server : host.servers) {
            ++domain.servers;
            domain.working += takesMail(server.probe) ? 1U : 0U;
        }
    if (!domain.hosts.empty() && domain.working == 0)
        domain.findings.push_back({"no-server", true, "no server takes mail for it"});
    return domain;
}

} // namespace

Result<MxRound> examineMx(const std::vector<std::string>& domains, const MxSettings& settings) {
    MxRound round;
    round.time = std::chrono::system_clock::now();
    auto routes = findMailRoutes(domains, settings.dns);
    if (!routes)
        return tl::unexpected(routes.error());
    const Probes probes = probeAll(*routes, settings.smtp);
    for (MailRoute& route : *routes)
        round.domains.push_back(judge(std::move(route), probes));
    round.trouble = std::any_of(round.domains.begin(), round.domains.end(),
                                [](const MxDomain& domain) { return anyTrouble(domain); });
    return round;
}

} // namespace sluice::ctl
