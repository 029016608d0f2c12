// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/ldap_settings.hh"

#include "common/ip_network.hh"
#include "common/text.hh"

#include <fmt/format.h>
#ifdef SLUICE_LDAP
#include <ldap.h>
#endif

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

namespace sluice {
namespace {

constexpr std::uint16_t plainPort = 389;
constexpr std::uint16_t tlsPort = 636;
constexpr std::size_t maxServers = 16;
constexpr std::string_view plainScheme = "ldap://";
constexpr std::string_view tlsScheme = "ldaps://";

constexpr std::pair<std::string_view, LdapSettings::Scope> scopes[] = {
    {"base", LdapSettings::Scope::base},
    {"one", LdapSettings::Scope::one},
    {"sub", LdapSettings::Scope::sub},
};

Result<HostPort> parseServer(std::string_view text, std::uint16_t usualPort) {
    const bool hasPort = !text.ends_with(']') && text.find(':') != std::string_view::npos;
    return HostPort::parse(hasPort ? std::string(text) : fmt::format("{}:{}", text, usualPort));
}

Result<void> readServers(std::string_view list, LdapSettings& settings) {
    // not repeated in an error: it may be a password
    if (list.find('@') != std::string_view::npos)
        return fail("a login belongs into ldap-bind-dn and ldap-password-file");
    const std::uint16_t port =
        settings.security == LdapSettings::Security::tls ? tlsPort : plainPort;
    for (const std::string_view part : split(list, ',')) {
        auto server = parseServer(part, port);
        if (!server)
            return tl::unexpected(server.error());
        settings.servers.push_back(*std::move(server));
    }
    if (settings.servers.size() > maxServers)
        return fail(fmt::format("there are more than {} servers", maxServers));
    return {};
}

int hexValue(char digit) {
    const char lower = lowerAscii(digit);
    if (lower >= '0' && lower <= '9')
        return lower - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// RFC 3986 section 2.1.
Result<std::string> percentDecoded(std::string_view text) {
    std::string decoded;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            decoded += text[at];
            continue;
        }
        const int high = at + 2 < text.size() ? hexValue(text[at + 1]) : -1;
        const int low = at + 2 < text.size() ? hexValue(text[at + 2]) : -1;
        if (high < 0 || low < 0)
            return fail(quoteForDisplay(text.substr(at, 3)) +
                        " is no octet: in the base a percent sign is %25");
        decoded += static_cast<char>(high * 16 + low);
        at += 2;
    }
    return decoded;
}

bool isDistinguishedName([[maybe_unused]] const std::string& name) {
#ifdef SLUICE_LDAP
    LDAPDN parts = nullptr;
    if (name.find('\0') != std::string::npos ||
        ldap_str2dn(name.c_str(), &parts, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS)
        return false;
    ldap_dnfree(parts);
#endif
    return true;
}

Result<void> readBase(std::string_view text, LdapSettings& settings) {
    auto base = percentDecoded(text);
    if (!base)
        return tl::unexpected(base.error());
    if (base->empty())
        return fail("the base is missing: ldap://HOST/BASE, as in "
                    "ldap://ldap.example.org/dc=example,dc=org");
    if (!isDistinguishedName(*base))
        return fail(quoteForDisplay(*base) + " is no distinguished name (RFC 4514)");
    settings.base = *std::move(base);
    return {};
}

/// Nothing of an entry but that it is there is asked for, so that their names do not matter.
Result<void> checkAttributes(std::string_view text) {
    const auto mayStand = [](char c) {
        return hexValue(c) >= 0 || (lowerAscii(c) >= 'g' && lowerAscii(c) <= 'z') ||
               std::string_view(",.;-*").find(c) != std::string_view::npos;
    };
    if (std::all_of(text.begin(), text.end(), mayStand))
        return {};
    return fail(quoteForDisplay(text) + " is no list of attributes");
}

Result<void> readScope(std::string_view text, LdapSettings& settings) {
    if (text.empty())
        return {};
    for (const auto& [name, scope] : scopes)
        if (equalsIgnoringCase(text, name)) {
            settings.scope = scope;
            return {};
        }
    return fail(quoteForDisplay(text) + " is none of: base, one, sub");
}

Result<void> readFilter(std::string_view text, LdapSettings& settings) {
    auto filter = LdapFilter::parse(text.empty() ? LdapFilter::usual : text);
    if (!filter)
        return tl::unexpected(filter.error());
    settings.filter = *std::move(filter);
    return {};
}

Result<void> readUrl(std::string_view rest, LdapSettings& settings) {
    const std::size_t slash = rest.find('/');
    auto parts = split(slash == std::string_view::npos ? "" : rest.substr(slash + 1), '?');
    constexpr std::size_t most = 4; // base, attributes, scope, filter
    const bool tooMany = parts.size() > most;
    parts.resize(most);
    auto read = readServers(rest.substr(0, slash), settings);
    if (read)
        read = readBase(parts[0], settings);
    if (read)
        read = checkAttributes(parts[1]);
    if (read)
        read = readScope(parts[2], settings);
    if (read && tooMany)
        return fail("nothing stands behind the filter, in which a question mark is \\3f");
    return read ? readFilter(parts[3], settings) : read;
}

std::string percentEncoded(std::string_view text) {
    std::string encoded;
    for (const char c : text) {
        if (c > ' ' && c < '\x7f' && std::string_view("%?#\"").find(c) == std::string_view::npos)
            encoded += c;
        else
            fmt::format_to(std::back_inserter(encoded), "%{:02X}", static_cast<unsigned char>(c));
    }
    return encoded;
}

} // namespace

Result<LdapSettings> LdapSettings::parse(std::string_view url) {
    LdapSettings settings;
    if (url.starts_with(tlsScheme))
        settings.security = Security::tls;
    else if (!url.starts_with(plainScheme))
        return fail(quoteForDisplay(url) + " begins neither with ldap:// nor with ldaps://");
#ifndef SLUICE_LDAP
    return fail("this build has no LDAP: it needs libldap");
#endif
    url.remove_prefix(settings.security == Security::tls ? tlsScheme.size() : plainScheme.size());
    if (auto read = readUrl(url, settings); !read)
        return tl::unexpected(read.error());
    return settings;
}

std::string LdapSettings::name() const {
    std::string text(security == Security::tls ? tlsScheme : plainScheme);
    for (const HostPort& server : servers)
        text += (&server == &servers.front() ? "" : ",") + server.text();
    return text + '/' + percentEncoded(base);
}

std::string LdapSettings::url() const {
    const auto* const named = std::find_if(std::begin(scopes), std::end(scopes),
                                           [&](const auto& one) { return one.second == scope; });
    return fmt::format("{}??{}?{}", name(), named->first, filter.text());
}

bool LdapSettings::onLoopback() const {
    return std::all_of(servers.begin(), servers.end(), [](const HostPort& server) {
        const auto address = IpAddress::parse(server.host);
        return address ? address->isLoopback() : server.host == "localhost";
    });
}

} // namespace sluice
