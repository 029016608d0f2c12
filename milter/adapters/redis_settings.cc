// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/redis_settings.hh"

#include "common/text.hh"
#include "common/words.hh"

#include <fmt/format.h>

#include <limits>
#include <optional>

namespace sluice {
namespace {

constexpr unsigned highestDatabase = 65535;
constexpr std::size_t longestPath = 107; // unix(7)

struct Scheme {
    std::string_view prefix;
    RedisSettings::Topology topology;
    bool tls;
    bool path;
};

constexpr Scheme schemes[] = {
    {"redis://", RedisSettings::Topology::standalone, false, false},
    {"rediss://", RedisSettings::Topology::standalone, true, false},
    {"redis+unix://", RedisSettings::Topology::standalone, false, true},
    {"redis-sentinel://", RedisSettings::Topology::sentinel, false, false},
    {"redis-cluster://", RedisSettings::Topology::cluster, false, false},
};

const Scheme* schemeOf(std::string_view url) {
    for (const Scheme& scheme : schemes)
        if (url.starts_with(scheme.prefix))
            return &scheme;
    return nullptr;
}

Result<void> readServers(std::string_view list, RedisSettings& settings) {
    for (const std::string_view part : split(list, ',')) {
        auto server = HostPort::parse(part);
        if (!server)
            return tl::unexpected(server.error());
        settings.servers.push_back(*std::move(server));
    }
    if (settings.topology == RedisSettings::Topology::standalone && settings.servers.size() != 1)
        return fail("one server stands alone: several are redis-sentinel:// or redis-cluster://");
    return {};
}

/// What stands behind the servers: a database, the name of a master, or nothing.
Result<void> readTail(std::string_view tail, RedisSettings& settings) {
    switch (settings.topology) {
    case RedisSettings::Topology::standalone:
        if (!tail.empty()) {
            const auto number = parseUnsigned(tail);
            if (!number || *number > highestDatabase)
                return fail(quoteForDisplay(tail) + " is no number of a database");
            settings.database = static_cast<unsigned>(*number);
        }
        return {};
    case RedisSettings::Topology::sentinel:
        if (tail.empty())
            return fail("the name of the master is missing: redis-sentinel://HOST:PORT,…/NAME");
        settings.masterName = tail;
        return {};
    case RedisSettings::Topology::cluster:
        return tail.empty() ? Result<void>() : fail("a cluster has only database 0");
    }
    return {};
}

Result<void> readRest(std::string_view rest, const Scheme& scheme, RedisSettings& settings) {
    if (scheme.path) {
        if (!rest.starts_with('/') || rest.find('\0') != std::string_view::npos)
            return fail("the path of the socket is not absolute");
        if (rest.size() > longestPath)
            return fail("the path is too long for a socket");
        settings.path = rest;
        return {};
    }
    const std::size_t slash = rest.find('/');
    if (auto read = readServers(rest.substr(0, slash), settings); !read)
        return read;
    return readTail(slash == std::string_view::npos ? "" : rest.substr(slash + 1), settings);
}

Result<RedisLogin> parseLogin(std::string_view line) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos)
        return RedisLogin{"", std::string(line)};
    RedisLogin login{std::string(line.substr(0, blank)), std::string(trim(line.substr(blank + 1)))};
    if (login.password.find(' ') != std::string::npos)
        return fail("a line is PASSWORD or USER PASSWORD");
    return login;
}

} // namespace

Result<RedisSettings> RedisSettings::parse(std::string_view url) {
    const Scheme* const scheme = schemeOf(url);
    if (scheme == nullptr)
        return fail(quoteForDisplay(url) +
                    " begins with none of: redis://, rediss://, redis+unix://, redis-sentinel://, "
                    "redis-cluster://");
#ifndef SLUICE_REDIS_TLS
    if (scheme->tls)
        return fail("rediss:// needs a hiredis with TLS, which this build does not have: use a "
                    "unix socket, or a tunnel");
#endif
    RedisSettings settings;
    settings.topology = scheme->topology;
    settings.tls = scheme->tls;
    if (auto read = readRest(url.substr(scheme->prefix.size()), *scheme, settings); !read)
        return fail(url.find('@') == std::string_view::npos
                        ? fmt::format("{}: {}", quoteForDisplay(url), read.error().message)
                        : "a login belongs into redis-password-file");
    return settings;
}

std::string RedisSettings::url() const {
    for (const Scheme& scheme : schemes) {
        if (scheme.topology != topology || scheme.tls != tls || scheme.path == path.empty())
            continue;
        std::string text(scheme.prefix);
        text += path;
        for (const HostPort& server : servers)
            text += (&server == &servers.front() ? "" : ",") + server.text();
        if (topology == Topology::sentinel)
            text += '/' + masterName;
        else if (database != 0)
            text += fmt::format("/{}", database);
        return text;
    }
    return {};
}

Result<void> RedisSettings::readLogins(const std::string& text) {
    std::size_t read = 0;
    for (std::string_view line : split(text, '\n')) {
        line = trim(line);
        if (line.empty() || line.starts_with('#'))
            continue;
        auto parsed = parseLogin(line);
        if (!parsed)
            return tl::unexpected(parsed.error());
        if (read == 2)
            return fail("there are more than two lines");
        (read == 0 ? login : sentinelLogin) = *std::move(parsed);
        ++read;
    }
    return read == 0 ? fail("there is no password in it") : Result<void>();
}

std::string RedisEndpoint::text() const {
    return path.empty() ? HostPort{address, port}.text() : path;
}

} // namespace sluice
