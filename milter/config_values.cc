// SPDX-License-Identifier: BSD-2-Clause
#include "milter/config_values.hh"

#include "common/duration.hh"
#include "common/ip_network.hh"
#include "common/size.hh"
#include "common/text.hh"
#include "common/words.hh"

#include <sys/un.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace sluice {
namespace {

constexpr std::chrono::seconds longestDnsTimeout{20};
constexpr std::chrono::seconds longestTarpit{5};
constexpr std::chrono::seconds shortestShareTime{1};
constexpr double clientSharesInAll = 10;

std::string inQuotes(std::string_view text) {
    return fmt::format("\"{}\"", escapeForDisplay(text));
}

Result<std::uint16_t> parsePort(std::string_view text) {
    const auto number = parseUnsigned(text);
    if (!number || *number == 0 || *number > std::numeric_limits<std::uint16_t>::max())
        return fail(inQuotes(text) + " is no port number");
    return static_cast<std::uint16_t>(*number);
}

/// `example` is for who wrote something else.
Result<std::pair<std::uint32_t, std::chrono::milliseconds>>
parseCountInTime(std::string_view text, std::string_view example) {
    const std::size_t slash = text.find('/');
    const auto count = parseUnsigned(text.substr(0, slash));
    if (slash == std::string_view::npos || !count ||
        *count > std::numeric_limits<std::uint32_t>::max())
        return fail(
            fmt::format("{} is not COUNT/DURATION ({}, for instance)", inQuotes(text), example));
    const auto time = parseDuration(text.substr(slash + 1));
    if (!time)
        return tl::unexpected(time.error());
    if (time->count() <= 0)
        return fail(inQuotes(text) + ": the duration must be more than 0");
    return std::pair(static_cast<std::uint32_t>(*count), *time);
}

Result<SocketSpec> parseUnixSocket(std::string_view path) {
    if (path.empty() || path.front() != '/')
        return fail(inQuotes(path) + " is no absolute path");
    if (path.size() >= sizeof(sockaddr_un::sun_path))
        return fail(fmt::format("{} is longer than a socket's path may be ({} octets)",
                                inQuotes(path), sizeof(sockaddr_un::sun_path) - 1));
    return SocketSpec{SocketSpec::Kind::unixPath, std::string(path), {}, 0};
}

Result<SocketSpec> parseInetSocket(SocketSpec::Kind kind, std::string_view text) {
    const std::size_t at = text.find('@');
    if (at == std::string_view::npos || at + 1 == text.size())
        return fail(inQuotes(text) + " is not PORT@HOST");
    const auto port = parsePort(text.substr(0, at));
    if (!port)
        return tl::unexpected(port.error());
    return SocketSpec{kind, {}, std::string(text.substr(at + 1)), *port};
}

Result<void> addArea(std::string_view word, ListenerSettings& settings) {
    static constexpr std::pair<std::string_view, Area> areas[] = {
        {"connection", Area::connection}, {"sender", Area::sender}, {"recipient", Area::recipient},
        {"limits", Area::limits},         {"lists", Area::lists},   {"loops", Area::loops},
    };
    if (word == "require-auth") {
        settings.authRequired = true;
        return {};
    }
    if (word == "all") {
        settings.areas.addAll();
        return {};
    }
    const auto* const found = std::find_if(std::begin(areas), std::end(areas),
                                           [&](const auto& area) { return area.first == word; });
    if (found == std::end(areas))
        return fail(inQuotes(word) + " is none of: connection, sender, recipient, limits, lists, "
                                     "loops, all, require-auth");
    settings.areas.add(found->second);
    return {};
}

Result<PatternSet> parsePatterns(std::string_view list) {
    PatternSet set;
    for (const std::string_view part : splitOutsideQuotes(list, ',')) {
        auto pattern = AddressPattern::parse(trim(part));
        if (!pattern)
            return tl::unexpected(pattern.error());
        set.add(*pattern);
    }
    return set;
}

} // namespace

Result<bool> parseYesNo(std::string_view text) {
    if (text == "yes")
        return true;
    if (text == "no")
        return false;
    return fail(inQuotes(text) + " is neither yes nor no");
}

Result<std::uint64_t> parseCount(std::string_view text) {
    if (const auto number = parseUnsigned(text))
        return *number;
    return fail(inQuotes(text) + " is no whole number");
}

Result<SocketSpec> parseSocket(std::string_view text) {
    const std::size_t colon = text.find(':');
    const std::string_view kind = text.substr(0, colon);
    const std::string_view rest =
        colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
    if (kind == "unix" || kind == "local")
        return parseUnixSocket(rest);
    if (kind == "inet")
        return parseInetSocket(SocketSpec::Kind::inet, rest);
    if (kind == "inet6")
        return parseInetSocket(SocketSpec::Kind::inet6, rest);
    return fail(inQuotes(text) + " is none of: unix:PATH, inet:PORT@HOST, inet6:PORT@HOST");
}

Result<mode_t> parseMode(std::string_view text) {
    mode_t mode = 0;
    for (const char digit : text) {
        if (digit < '0' || digit > '7' || mode > 0777 / 8)
            return fail(inQuotes(text) + " is no file mode in octal (0660, for instance)");
        mode = mode * 8 + static_cast<mode_t>(digit - '0');
    }
    return mode;
}

Result<std::chrono::milliseconds> parseDnsTimeout(std::string_view text) {
    auto timeout = parseDuration(text);
    if (timeout && (timeout->count() < 1 || *timeout > longestDnsTimeout))
        return fail(fmt::format("{} is not between 1ms and {}: the MTA waits 30s for an answer",
                                inQuotes(text), formatDuration(longestDnsTimeout)));
    return timeout;
}

Result<std::chrono::milliseconds> parseTarpit(std::string_view text) {
    auto delay = parseDuration(text);
    if (delay && *delay > longestTarpit)
        return fail(fmt::format("{} is not between 0s and {}", inQuotes(text),
                                formatDuration(longestTarpit)));
    return delay;
}

Result<std::string> parseServer(std::string_view text) {
    const std::size_t at = text.find('@');
    if (auto address = IpAddress::parse(text.substr(0, at)); !address)
        return fail(fmt::format("{} is none of: system, recursive, ADDR, ADDR@PORT ({})",
                                inQuotes(text), address.error().message));
    if (at != std::string_view::npos)
        if (const auto port = parsePort(text.substr(at + 1)); !port)
            return tl::unexpected(port.error());
    return std::string(text);
}

Result<HarvestLimit> parseHarvestLimit(std::string_view text) {
    if (text == "0")
        return HarvestLimit{};
    const auto limit = parseCountInTime(text, "20/1h");
    if (!limit)
        return tl::unexpected(limit.error());
    return HarvestLimit{limit->first, limit->second};
}

Result<ClientShares::Limits> parseStoreShare(std::string_view text) {
    const auto share = parseCountInTime(text, "200000/6h");
    if (!share)
        return tl::unexpected(share.error());
    const auto [count, time] = *share;
    if (count == 0)
        return fail(inQuotes(text) + ": the count must be more than 0");
    if (time < shortestShareTime)
        return fail(inQuotes(text) + ": the duration must be at least " +
                    formatDuration(shortestShareTime));
    ClientShares::Limits limits;
    limits.ofClient = count;
    limits.ofAll = clientSharesInAll * limits.ofClient;
    limits.period = std::chrono::duration_cast<std::chrono::seconds>(time);
    return limits;
}

Result<NamedListener> parseListener(std::string_view text) {
    const auto words = splitWords(text);
    if (!words)
        return tl::unexpected(words.error());
    if (words->empty())
        return fail("expected NAME|PORT AREA…");
    NamedListener listener{toLowerAscii(words->front()), {}};
    for (std::size_t i = 1; i < words->size(); ++i)
        if (auto added = addArea((*words)[i], listener.settings); !added)
            return tl::unexpected(added.error());
    if (listener.settings.areas.empty())
        return fail(inQuotes(text) + " names no area (all, or some of: connection, sender, "
                                     "recipient, limits, lists, loops)");
    return listener;
}

Result<bool> addRestriction(std::string_view word, Restriction& restriction) {
    const std::size_t equals = word.find('=');
    const std::string_view key = word.substr(0, equals);
    const std::string value =
        equals == std::string_view::npos ? std::string() : unquoteWhole(word.substr(equals + 1));
    if (key == "accept-from") {
        if (value != "everyone" && value != "authenticated")
            return fail("accept-from=" + inQuotes(value) +
                        " is neither everyone nor authenticated");
        restriction.authenticatedOnly = value == "authenticated";
        return true;
    }
    if (key != "only-from" && key != "except")
        return false;
    auto set = parsePatterns(value);
    if (!set)
        return tl::unexpected(set.error());
    if (key == "except") {
        restriction.except = std::move(*set);
    } else {
        restriction.onlyFrom = std::move(*set);
        restriction.anySender = false;
    }
    return true;
}

Result<NamedRestriction> parseRestriction(std::string_view text) {
    const auto words = splitRawWords(text);
    if (!words)
        return tl::unexpected(words.error());
    if (words->size() < 2)
        return fail(inQuotes(text) +
                    " is not ADDRESS followed by accept-from=, only-from= or except=");
    const auto address = MailAddress::parse(unquoteWhole(words->front()));
    if (!address)
        return tl::unexpected(address.error());
    NamedRestriction named{address->key(), {}};
    for (std::size_t i = 1; i < words->size(); ++i) {
        const auto added = addRestriction((*words)[i], named.restriction);
        if (!added)
            return tl::unexpected(added.error());
        if (!*added)
            return fail(inQuotes((*words)[i]) + " is none of: accept-from=, only-from=, except=");
    }
    return named;
}

Result<void> applyLogLevel(std::string_view text, LogLevels& levels) {
    const std::size_t equals = text.find('=');
    const bool forAll = equals == std::string_view::npos;
    const std::string_view levelName = forAll ? text : text.substr(equals + 1);
    const auto level = logLevelFromName(levelName);
    if (!level)
        return fail(inQuotes(levelName) + " is none of: error, warning, info, debug");
    if (forAll) {
        levels.setAll(*level);
        return {};
    }
    const auto category = logCategoryFromName(text.substr(0, equals));
    if (!category)
        return fail(
            inQuotes(text.substr(0, equals)) +
            " is none of: daemon, config, session, decision, dnsbl, badmail, directory, store");
    levels.set(*category, *level);
    return {};
}

std::string SettingsReader::word(std::string_view name) {
    const auto& values = settings_.values(name);
    if (values.empty())
        return {};
    const auto& value = values.back();
    const auto words = splitWords(value.text);
    if (!words)
        problem(name, value.origin, words.error().message);
    else if (words->size() != 1 || words->front().empty())
        problem(name, value.origin, "expected one value, found " + inQuotes(value.text));
    else
        return words->front();
    return {};
}

void SettingsReader::networks(std::string_view name, NetworkSet& into) {
    NetworkSet::Builder builder;
    each(name, [&](std::string_view text) -> Result<void> {
        auto entry = parseEntry(text);
        if (!entry)
            return tl::unexpected(entry.error());
        const auto network = IpNetwork::parse(entry->value);
        if (!network)
            return tl::unexpected(network.error());
        builder.add(*network, std::move(entry->attributes));
        return {};
    });
    into = builder.build();
}

std::size_t SettingsReader::patterns(std::string_view name, PatternSet& into) {
    std::size_t count = 0;
    each(name, [&](std::string_view text) -> Result<void> {
        ++count;
        auto entry = parseEntry(text);
        if (!entry)
            return tl::unexpected(entry.error());
        auto pattern = AddressPattern::parse(entry->value);
        if (!pattern)
            return tl::unexpected(pattern.error());
        into.add(*pattern, std::move(entry->attributes));
        return {};
    });
    return count;
}

void SettingsReader::problem(std::string_view name, const Origin& origin, std::string_view what) {
    problems_.push_back({origin.text(), fmt::format("{}: {}", name, what)});
}

void SettingsReader::problem(std::string_view name, std::string_view what) {
    const auto& values = settings_.values(name);
    problem(name, values.empty() ? Origin{nullptr, 0, true} : values.back().origin, what);
}

} // namespace sluice
