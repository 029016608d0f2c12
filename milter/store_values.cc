// SPDX-License-Identifier: BSD-2-Clause
#include "milter/store_values.hh"

#include "common/duration.hh"
#include "common/secret_file.hh"
#include "common/text.hh"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace sluice {
namespace {

constexpr std::chrono::milliseconds shortestTimeout{1};
/// A callback waits for it, twice at most.
constexpr std::chrono::milliseconds longestTimeout{5000};
constexpr std::size_t longestPrefix = 64;

Result<std::string> parsePrefix(std::string_view text) {
    if (text.size() > longestPrefix ||
        !std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; }))
        return fail(fmt::format("{} is not up to {} visible ASCII characters",
                                quoteForDisplay(text), longestPrefix));
    return std::string(text);
}

Result<std::chrono::milliseconds> parseTimeout(std::string_view text) {
    auto timeout = parseDuration(text);
    if (timeout && (*timeout < shortestTimeout || *timeout > longestTimeout))
        return fail(fmt::format("{} is not between {} and {}", quoteForDisplay(text),
                                formatDuration(shortestTimeout), formatDuration(longestTimeout)));
    return timeout;
}

void readPasswords(SettingsReader& reader, const std::string& path, RedisSettings& settings) {
    const auto secret = readSecretFile(path);
    if (!secret)
        reader.problem("redis-password-file", secret.error().message);
    else if (auto read = settings.readLogins(*secret); !read)
        reader.problem("redis-password-file", escapeForDisplay(path) + ": " + read.error().message);
}

} // namespace

std::optional<RedisSettings> readStore(SettingsReader& reader, bool hasKeyFile) {
    const std::string url = reader.word("store");
    const std::string passwords = reader.word("redis-password-file");
    if (url.empty() || url == "memory") {
        if (!passwords.empty())
            reader.problem("redis-password-file", "does nothing with store = memory");
        return std::nullopt;
    }
    auto settings = RedisSettings::parse(url);
    if (!settings) {
        reader.problem("store", settings.error().message + " (or memory)");
        return std::nullopt;
    }
    if (!hasKeyFile)
        reader.problem("store", "needs key-file: nodes that count together have the same keys");
    if (!passwords.empty())
        readPasswords(reader, passwords, *settings);
    reader.read("redis-prefix", parsePrefix, settings->prefix);
    reader.read("redis-timeout", parseTimeout, settings->timeout);
    return *std::move(settings);
}

} // namespace sluice
