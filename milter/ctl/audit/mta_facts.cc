// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/audit/mta_facts.hh"

#include "common/domain_name.hh"
#include "common/ip_network.hh"
#include "common/text.hh"

#include <array>
#include <cstddef>

namespace sluice::ctl::audit {
namespace {

bool isLoopback(const std::string& host) {
    return host == "localhost" || host == "::1" || host.starts_with("127.");
}

/// All addresses of the host.
bool isAny(const std::string& host) {
    return host.empty() || host == "0.0.0.0" || host == "::" || host == "*";
}

bool isNumeric(const std::string& host) {
    return IpAddress::parse(host).has_value();
}

bool isSameHost(const std::string& a, const std::string& b) {
    if (a == b || isAny(a) || isAny(b) || (isLoopback(a) && isLoopback(b)))
        return true;
    // what a name stands for is not looked up
    const bool undecided = !isNumeric(a) || !isNumeric(b);
    return undecided && !isLoopback(a) && !isLoopback(b);
}

std::string hostOf(std::string_view text) {
    std::string host = toLowerAscii(trim(text));
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    return host;
}

} // namespace

std::string_view nameOf(Severity severity) {
    static constexpr std::array<std::string_view, 4> names{"high", "medium", "low", "info"};
    return names.at(static_cast<std::size_t>(severity));
}

std::string_view nameOf(Mta mta) {
    return mta == Mta::postfix ? "Postfix" : "Sendmail";
}

void DomainSet::add(std::string_view domain) {
    std::string name = canonicalDomain(domain);
    if (!name.empty() && names.insert(name).second)
        inOrder.push_back(std::move(name));
}

bool DomainSet::contains(const std::string& domain) const {
    if (names.count(domain) != 0)
        return true;
    for (std::size_t dot = domain.find('.'); andBelow && dot != std::string::npos;
         dot = domain.find('.', dot + 1))
        if (names.count(domain.substr(dot + 1)) != 0)
            return true;
    return false;
}

Endpoint parseEndpoint(std::string_view text) {
    text = trim(text);
    const std::size_t colon = text.find(':');
    const std::string kind = text.starts_with('/') ? "unix" : toLowerAscii(text.substr(0, colon));
    const std::string_view rest =
        text.starts_with('/') || colon == std::string_view::npos ? text : text.substr(colon + 1);
    Endpoint endpoint;
    if (kind == "unix" || kind == "local") {
        endpoint.path = trim(rest);
    } else if (kind == "inet" || kind == "inet6") {
        const std::size_t at = rest.find('@');
        endpoint.port = trim(rest.substr(0, at));
        endpoint.host = at == std::string_view::npos ? "" : hostOf(rest.substr(at + 1));
    }
    return endpoint;
}

bool isSame(const Endpoint& a, const Endpoint& b) {
    if (!a.path.empty() || !b.path.empty())
        return a.path == b.path;
    return a.known() && a.port == b.port && isSameHost(a.host, b.host);
}

} // namespace sluice::ctl::audit
