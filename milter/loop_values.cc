// SPDX-License-Identifier: BSD-2-Clause
#include "milter/loop_values.hh"

#include "common/domain_name.hh"
#include "common/duration.hh"
#include "common/host_port.hh"
#include "common/text.hh"
#include "common/words.hh"
#include "milter/list_values.hh"

#include <algorithm>
#include <utility>
#include <vector>

namespace sluice {
namespace {

constexpr std::uint64_t maxDepth = 100;
constexpr std::uint64_t maxPasses = 10;
constexpr std::chrono::minutes shortestMemory{1};
constexpr std::chrono::hours longestMemory{7 * 24};

std::string inQuotes(std::string_view text) {
    return fmt::format("\"{}\"", escapeForDisplay(text));
}

Result<std::uint64_t> parseDepth(std::string_view text) {
    auto depth = parseCount(text);
    if (depth && (*depth < 2 || *depth > maxDepth))
        return fail(fmt::format("{} is not between 2 and {}", inQuotes(text), maxDepth));
    return depth;
}

Result<std::uint64_t> parsePasses(std::string_view text) {
    auto passes = parseCount(text);
    if (passes && *passes > maxPasses)
        return fail(fmt::format("{} is more than {}", inQuotes(text), maxPasses));
    return passes;
}

Result<std::chrono::milliseconds> parseMemory(std::string_view text) {
    auto memory = parseDuration(text);
    if (memory && (*memory < shortestMemory || *memory > longestMemory))
        return fail(fmt::format("{} is not between {} and {}", inQuotes(text),
                                formatDuration(shortestMemory), formatDuration(longestMemory)));
    return memory;
}

Result<std::chrono::milliseconds> parseSilence(std::string_view text) {
    auto silence = parseDuration(text);
    if (silence && silence->count() < 1000)
        return fail(inQuotes(text) + " is less than 1s: a client may well take so long");
    return silence;
}

Result<MailAddress> parseOneAddress(std::string_view text) {
    return MailAddress::parse(text);
}

Result<NetworkSet> parseNetworks(std::string_view list) {
    NetworkSet::Builder builder;
    for (const std::string_view part : split(list, ',')) {
        const auto network = IpNetwork::parse(trim(part));
        if (!network)
            return tl::unexpected(network.error());
        builder.add(*network, {});
    }
    return builder.build();
}

Result<void> addDomains(std::string_view list, Peer& peer) {
    for (const std::string_view part : split(list, ',')) {
        auto domain = parseDomain(trim(part));
        if (!domain)
            return tl::unexpected(domain.error());
        peer.domains.insert(*std::move(domain));
    }
    return {};
}

Result<void> addToPeer(std::string_view word, Peer& peer, bool& hasNetworks) {
    const std::size_t equals = word.find('=');
    const std::string_view key = word.substr(0, equals);
    if (equals == std::string_view::npos || (key != "net" && key != "domain"))
        return fail(inQuotes(word) + " is neither net= nor domain=");
    const std::string value = unquoteWhole(word.substr(equals + 1));
    if (key == "domain")
        return addDomains(value, peer);
    auto networks = parseNetworks(value);
    if (!networks)
        return tl::unexpected(networks.error());
    peer.networks = *std::move(networks);
    hasNetworks = true;
    return {};
}

void readPeers(SettingsReader& reader, std::vector<Peer>& peers) {
    reader.each("peer", [&](std::string_view text) -> Result<void> {
        auto peer = parsePeer(text);
        if (!peer)
            return tl::unexpected(peer.error());
        if (std::any_of(peers.begin(), peers.end(), [&](const Peer& other) {
                return equalsIgnoringCase(other.name, peer->name);
            }))
            return fail(inQuotes(peer->name) + " is named twice");
        peers.push_back(*std::move(peer));
        return {};
    });
}

void readDuplicates(SettingsReader& reader, LoopPolicySettings& loops) {
    reader.choice("duplicates",
                  {{"evidence", DuplicateMode::evidence},
                   {"always", DuplicateMode::always},
                   {"alert", DuplicateMode::alert},
                   {"off", DuplicateMode::off}},
                  loops.detection.duplicates);
    reader.read("duplicate-silence", parseSilence, loops.duplicateSilence);
}

} // namespace

Result<Peer> parsePeer(std::string_view text) {
    const auto words = splitRawWords(text);
    if (!words)
        return tl::unexpected(words.error());
    if (words->empty())
        return fail("expected NAME net=NET,… domain=DOMAIN,…");
    Peer peer;
    peer.name = unquoteWhole(words->front());
    bool hasNetworks = false;
    for (std::size_t i = 1; i < words->size(); ++i)
        if (auto added = addToPeer((*words)[i], peer, hasNetworks); !added)
            return tl::unexpected(added.error());
    if (!hasNetworks || peer.domains.empty())
        return fail(inQuotes(text) + " is not NAME followed by net= and domain=");
    return peer;
}

void readLoops(SettingsReader& reader, const ListSettings& lists, LoopPolicySettings& loops) {
    reader.choice("loop-action",
                  {{"hold", LoopAction::hold},
                   {"discard", LoopAction::discard},
                   {"reject", LoopAction::reject}},
                  loops.action);
    if (const auto depth = reader.value("loop-depth", parseDepth))
        loops.detection.depth = static_cast<unsigned>(*depth);
    if (const auto memory = reader.value("loop-memory", parseMemory))
        loops.detection.memory = std::chrono::duration_cast<std::chrono::seconds>(*memory);
    readDuplicates(reader, loops);
    readPeers(reader, loops.peers);
    reader.read("topology-passes", parsePasses, loops.topologyPasses);
    reader.choice("loop-block",
                  {{"pair", LoopBlockMode::pair},
                   {"client", LoopBlockMode::client},
                   {"off", LoopBlockMode::off}},
                  loops.block);
    loops.notify = reader.value("notify", parseOneAddress);
    if (loops.notify)
        if (auto fine = endsAtPerson(lists, "notify", *loops.notify); !fine)
            reader.problem("notify", fine.error().message);
    if (const auto relay = reader.value("notify-relay", HostPort::parse))
        loops.notifyRelay = relay->text();
}

} // namespace sluice
