// SPDX-License-Identifier: BSD-2-Clause
#include "milter/directory_values.hh"

#include "common/duration.hh"
#include "common/secret_file.hh"
#include "common/text.hh"
#include "common/words.hh"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

namespace sluice {
namespace {

using Security = LdapSettings::Security;

enum class LdapTls : std::uint8_t { automatic, startTls, off };

constexpr std::chrono::milliseconds shortestTimeout{10};
/// A callback waits for it, and twice for an address with a tag.
constexpr std::chrono::milliseconds longestTimeout{10'000};
constexpr std::chrono::hours longestCache{7 * 24};

Result<std::chrono::milliseconds> parseTimeout(std::string_view text) {
    auto timeout = parseDuration(text);
    if (timeout && (*timeout < shortestTimeout || *timeout > longestTimeout))
        return fail(fmt::format("{} is not between {} and {}", quoteForDisplay(text),
                                formatDuration(shortestTimeout), formatDuration(longestTimeout)));
    return timeout;
}

/// The first line as it is: a password may have blanks and number signs.
Result<std::string> readPassword(const std::string& path) {
    const auto content = readSecretFile(path);
    if (!content)
        return tl::unexpected(content.error());
    std::string password = content->substr(0, content->find('\n'));
    if (password.ends_with('\r'))
        password.pop_back();
    if (password.empty() || password.find('\0') != std::string::npos)
        return fail(escapeForDisplay(path) + ": there is no password in its first line");
    if (!trim(std::string_view(*content).substr(std::min(content->size(), password.size())))
             .empty())
        return fail(escapeForDisplay(path) + ": more than one line");
    return password;
}

struct LdapOptions {
    std::string bindName;
    std::string password;
    std::string caFile;
    LdapTls tls = LdapTls::automatic;
    std::chrono::milliseconds timeout = LdapSettings::usualTimeout;
};

LdapOptions readOptions(SettingsReader& reader) {
    LdapOptions options;
    options.bindName = reader.word("ldap-bind-dn");
    options.caFile = reader.word("ldap-ca-file");
    reader.choice(
        "ldap-tls",
        {{"auto", LdapTls::automatic}, {"starttls", LdapTls::startTls}, {"off", LdapTls::off}},
        options.tls);
    reader.read("ldap-timeout", parseTimeout, options.timeout);
    const std::string path = reader.word("ldap-password-file");
    if (options.bindName.empty() != path.empty())
        reader.problem(path.empty() ? "ldap-bind-dn" : "ldap-password-file",
                       path.empty() ? "needs ldap-password-file" : "needs ldap-bind-dn");
    if (path.empty())
        return options;
    if (auto password = readPassword(path))
        options.password = *std::move(password);
    else
        reader.problem("ldap-password-file", password.error().message);
    return options;
}

/// Of an option that is written, and does nothing.
void refuseIdleOptions(SettingsReader& reader) {
    for (const char* const name : {"ldap-bind-dn", "ldap-password-file", "ldap-ca-file"})
        if (reader.isSet(name))
            reader.problem(name, "does nothing without directory = ldap://…");
}

void checkSecurity(SettingsReader& reader, const LdapOptions& options,
                   const std::vector<LdapSettings>& directories) {
    const bool needsCa =
        std::any_of(directories.begin(), directories.end(),
                    [](const auto& directory) { return directory.security != Security::none; });
    if (!needsCa && !options.caFile.empty())
        reader.problem("ldap-ca-file", "does nothing without ldaps:// or ldap-tls = starttls");
    if (!options.caFile.empty() && ::access(options.caFile.c_str(), R_OK) != 0)
        reader.problem("ldap-ca-file", quoteForDisplay(options.caFile) + " cannot be read");
    if (options.password.empty() || options.tls == LdapTls::off)
        return;
    for (const LdapSettings& directory : directories)
        if (directory.security == Security::none && !directory.onLoopback())
            reader.problem("ldap-password-file",
                           fmt::format("would go to {} in the clear: use ldaps:// or ldap-tls = "
                                       "starttls (or off, on a network that is yours alone)",
                                       directory.name()));
}

} // namespace

Result<void> addLdapDirectory(std::string_view text, std::vector<LdapSettings>& directories) {
    const auto words = splitWords(text);
    if (!words)
        return tl::unexpected(words.error());
    if (words->size() != 1)
        return fail("an URL with blanks is quoted, or has %20 for each in its base");
    auto settings = LdapSettings::parse(words->front());
    if (!settings)
        return tl::unexpected(settings.error());
    directories.push_back(*std::move(settings));
    return {};
}

void readLdapOptions(SettingsReader& reader, std::vector<LdapSettings>& directories) {
    LdapOptions options = readOptions(reader);
    if (directories.empty()) {
        refuseIdleOptions(reader);
        return;
    }
    for (LdapSettings& directory : directories) {
        if (directory.security == Security::none && options.tls == LdapTls::startTls)
            directory.security = Security::startTls;
        if (directory.security != Security::none)
            directory.caFile = options.caFile;
        directory.bindName = options.bindName;
        directory.password = options.password;
        directory.timeout = options.timeout;
    }
    checkSecurity(reader, options, directories);
}

Result<std::chrono::milliseconds> parseDirectoryCache(std::string_view text) {
    auto time = parseDuration(text);
    if (time && *time > longestCache)
        return fail(fmt::format("{} is longer than {}", quoteForDisplay(text),
                                formatDuration(longestCache)));
    return time;
}

} // namespace sluice
