// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/redis_topology.hh"

#include "common/ip_network.hh"
#include "common/text.hh"
#include "milter/adapters/redis_connection.hh"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <limits>
#include <memory>

namespace sluice {
namespace {

constexpr std::chrono::milliseconds patience{500};
/// A cluster has a thousand nodes at most.
constexpr std::size_t maxNodes = 1024;
constexpr std::uint16_t highestPort = 65535;
constexpr std::uint16_t noNode = std::numeric_limits<std::uint16_t>::max();

SteadyTime deadline() {
    return std::chrono::steady_clock::now() + patience;
}

std::uint16_t crc16(std::string_view text) {
    constexpr std::uint32_t polynomial = 0x1021;
    std::uint32_t crc = 0;
    for (const char c : text) {
        crc ^= static_cast<std::uint32_t>(static_cast<unsigned char>(c)) << 8U;
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc & 0x8000U) != 0 ? (crc << 1U) ^ polynomial : crc << 1U;
        crc &= 0xFFFFU;
    }
    return static_cast<std::uint16_t>(crc);
}

/// The addresses of a host, of which a sentinel may have told; an address stands for itself. The
/// order is getaddrinfo's.
Result<std::vector<RedisEndpoint>> endpointsOf(const HostPort& server) {
    if (IpAddress::parse(server.host))
        return std::vector{RedisEndpoint{"", server.host, server.port, server.host}};
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    if (const int error = ::getaddrinfo(server.host.c_str(), nullptr, &hints, &list); error != 0)
        return fail(quoteForDisplay(server.host) + ": " + ::gai_strerror(error));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(list, ::freeaddrinfo);
    std::vector<RedisEndpoint> endpoints;
    for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
        char text[NI_MAXHOST] = "";
        if (::getnameinfo(each->ai_addr, each->ai_addrlen, text, sizeof text, nullptr, 0,
                          NI_NUMERICHOST) == 0)
            endpoints.push_back({"", text, server.port, server.host});
    }
    if (endpoints.empty())
        return fail(quoteForDisplay(server.host) + " has no address");
    return endpoints;
}

std::vector<RedisEndpoint> endpointsOfAll(const std::vector<HostPort>& servers, std::string& why) {
    std::vector<RedisEndpoint> all;
    for (const HostPort& server : servers) {
        const auto found = endpointsOf(server);
        if (found)
            all.insert(all.end(), found->begin(), found->end());
        else
            why = found.error().message;
    }
    return all;
}

Result<RedisReply> askServer(const RedisEndpoint& server, const RedisLogin& login, bool tls,
                             const RedisWords& words) {
    auto connection = RedisConnection::open(server, login, 0, tls, deadline());
    auto answer = connection ? (*connection)->ask(words, deadline())
                             : Result<RedisReply>(tl::unexpected(connection.error()));
    return std::move(answer).map_error(
        [&](const Error& error) { return Error{server.text() + ": " + error.message}; });
}

// --- one server -------------------------------------------------------------------------------

Result<RedisMap> discoverStandalone(const RedisSettings& settings) {
    if (!settings.path.empty())
        return RedisMap{{{settings.path, "", 0}}, {}};
    auto found = endpointsOf(settings.servers.front());
    if (!found)
        return tl::unexpected(found.error());
    // of several addresses the first that takes connections
    for (const RedisEndpoint& endpoint : *found)
        if (found->size() == 1 || RedisConnection::open(endpoint, settings.login, settings.database,
                                                        settings.tls, deadline()))
            return RedisMap{{endpoint}, {}};
    return RedisMap{{found->front()}, {}};
}

// --- sentinels --------------------------------------------------------------------------------

Result<RedisEndpoint> endpointFrom(RedisValue host, RedisValue port) {
    const auto hostText = host.text();
    const auto portText = port.text();
    const auto number = parseUnsigned(portText.value_or("")).value_or(0);
    if (!hostText || hostText->empty() || number == 0 || number > highestPort)
        return fail("the answer names no address");
    auto found = endpointsOf({std::string(*hostText), static_cast<std::uint16_t>(number)});
    if (!found)
        return tl::unexpected(found.error());
    return found->front();
}

Result<RedisEndpoint> masterBy(const RedisEndpoint& sentinel, const RedisSettings& settings) {
    const auto answer = askServer(sentinel, settings.sentinelLogin, settings.tls,
                                  {"SENTINEL", "get-master-addr-by-name", settings.masterName});
    if (!answer)
        return tl::unexpected(answer.error());
    if (answer->value().size() != 2)
        return fail(fmt::format("{}: knows no master {}", sentinel.text(),
                                quoteForDisplay(settings.masterName)));
    auto master = endpointFrom(answer->value()[0], answer->value()[1]);
    if (!master)
        return master;
    const auto role = askServer(*master, settings.login, settings.tls, {"ROLE"});
    if (!role)
        return tl::unexpected(role.error());
    if (role->value()[0].text() != "master")
        return fail(master->text() + ": is no master yet");
    return master;
}

Result<RedisMap> discoverBySentinels(const RedisSettings& settings) {
    std::string why;
    for (const RedisEndpoint& sentinel : endpointsOfAll(settings.servers, why)) {
        const auto master = masterBy(sentinel, settings);
        if (master)
            return RedisMap{{*master}, {}};
        why = master.error().message;
    }
    return fail(why);
}

// --- cluster ----------------------------------------------------------------------------------

/// One range of CLUSTER SLOTS: first slot, last slot, [host, port, …] of the master, replicas.
Result<void> addRange(RedisValue range, const RedisEndpoint& asked, RedisMap& map) {
    const auto first = range[0].integer();
    const auto last = range[1].integer();
    const RedisValue master = range[2];
    const auto host = master[0].text();
    const auto port = master[1].integer();
    if (!first || !last || !port || *first < 0 || *last < *first ||
        *last >= static_cast<std::int64_t>(redisSlots) || *port <= 0 || *port > highestPort)
        return fail(asked.text() + ": odd slots");
    // a node that does not know its own address leaves it out
    const bool own = !host || host->empty() || *host == "?";
    const auto found =
        endpointsOf({own ? asked.address : std::string(*host), static_cast<std::uint16_t>(*port)});
    if (!found)
        return tl::unexpected(found.error());
    auto node = std::find(map.nodes.begin(), map.nodes.end(), found->front());
    if (node == map.nodes.end()) {
        if (map.nodes.size() == maxNodes)
            return fail(asked.text() + ": too many nodes");
        node = map.nodes.insert(node, found->front());
    }
    const auto index = static_cast<std::uint16_t>(node - map.nodes.begin());
    std::fill(map.nodeOfSlot.begin() + *first, map.nodeOfSlot.begin() + *last + 1, index);
    return {};
}

Result<RedisMap> clusterBy(const RedisEndpoint& node, const RedisSettings& settings) {
    const auto answer = askServer(node, settings.login, settings.tls, {"CLUSTER", "SLOTS"});
    if (!answer)
        return tl::unexpected(answer.error());
    RedisMap map;
    map.nodeOfSlot.assign(redisSlots, noNode);
    for (std::size_t range = 0; range < answer->value().size(); ++range)
        if (auto added = addRange(answer->value()[range], node, map); !added)
            return tl::unexpected(added.error());
    if (std::count(map.nodeOfSlot.begin(), map.nodeOfSlot.end(), noNode) != 0)
        return fail(node.text() + ": some slots have no node");
    return map;
}

Result<RedisMap> discoverCluster(const RedisSettings& settings,
                                 const std::vector<RedisEndpoint>& known) {
    std::string why;
    std::vector<RedisEndpoint> nodes = known;
    const auto configured = endpointsOfAll(settings.servers, why);
    std::copy_if(configured.begin(), configured.end(), std::back_inserter(nodes),
                 [&](const RedisEndpoint& node) {
                     return std::find(known.begin(), known.end(), node) == known.end();
                 });
    for (const RedisEndpoint& node : nodes) {
        auto map = clusterBy(node, settings);
        if (map)
            return map;
        why = map.error().message;
    }
    return fail(why);
}

} // namespace

std::size_t redisSlot(std::string_view key) {
    const std::size_t open = key.find('{');
    if (open != std::string_view::npos) {
        const std::size_t close = key.find('}', open + 1);
        if (close != std::string_view::npos && close != open + 1)
            key = key.substr(open + 1, close - open - 1);
    }
    return crc16(key) % redisSlots;
}

Result<RedisMap> discoverRedis(const RedisSettings& settings,
                               const std::vector<RedisEndpoint>& known) {
    switch (settings.topology) {
    case RedisSettings::Topology::standalone:
        return discoverStandalone(settings);
    case RedisSettings::Topology::sentinel:
        return discoverBySentinels(settings);
    case RedisSettings::Topology::cluster:
        return discoverCluster(settings, known);
    }
    return fail("no such topology");
}

Result<RedisEndpoint> redirectionOf(std::string_view error, const RedisEndpoint& asked) {
    const auto words = split(error, ' ');
    const auto wrong = [&] { return fail("no redirection: " + escapeForDisplay(error)); };
    if (words.size() != 3 || (words[0] != "MOVED" && words[0] != "ASK"))
        return wrong();
    const std::size_t colon = words[2].rfind(':');
    if (colon == std::string_view::npos)
        return wrong();
    const auto port = parseUnsigned(words[2].substr(colon + 1));
    const std::string_view host = words[2].substr(0, colon);
    // a name would have to be looked up, which takes time: the map will have its address
    if (!port || *port == 0 || *port > highestPort || (!host.empty() && !IpAddress::parse(host)))
        return wrong();
    return RedisEndpoint{"", host.empty() ? asked.address : std::string(host),
                         static_cast<std::uint16_t>(*port)};
}

} // namespace sluice
