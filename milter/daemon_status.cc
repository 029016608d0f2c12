// SPDX-License-Identifier: BSD-2-Clause
#include "milter/daemon_status.hh"

#include "common/version.hh"

#include <unistd.h>

#include <algorithm>

namespace sluice {
namespace {

using nlohmann::json;

std::int64_t wholeSeconds(std::chrono::steady_clock::duration time) {
    return std::max(std::chrono::ceil<std::chrono::seconds>(time).count(), std::int64_t{0});
}

json asJson(const RedisNodeStatus& node, std::chrono::steady_clock::time_point now) {
    json shown{{"address", node.address}, {"available", node.available}};
    if (node.trouble)
        shown.update({{"reason", node.trouble->why},
                      {"unavailable_seconds", wholeSeconds(now - node.trouble->since)},
                      {"next_try_seconds", wholeSeconds(node.trouble->nextTry - now)}});
    return shown;
}

json asJson(const DnsblZoneStatus& zone) {
    json shown{{"zone", zone.zone},
               {"queries", zone.queries},
               {"listed", zone.listed},
               {"not_listed", zone.notListed},
               {"unknown", zone.unknown},
               {"provider_errors", zone.providerErrors},
               {"suspended_ipv4", zone.reasonIpv4},
               {"suspended_ipv6", zone.reasonIpv6}};
    if (!zone.reasonIpv4.empty())
        shown.update({{"suspended_ipv4_seconds", zone.suspendedForIpv4.count()},
                      {"probe_ipv4_seconds", zone.probeInIpv4.count()}});
    if (!zone.reasonIpv6.empty())
        shown.update({{"suspended_ipv6_seconds", zone.suspendedForIpv6.count()},
                      {"probe_ipv6_seconds", zone.probeInIpv6.count()}});
    return shown;
}

json tracking(const TrackingLog* log) {
    if (log == nullptr)
        return nullptr;
    return {
        {"path", log->settings().path}, {"written", log->written()}, {"dropped", log->dropped()}};
}

} // namespace

json DaemonStatus::store() const {
    if (redis_ == nullptr)
        return {{"kind", "memory"}, {"available", true}};
    auto nodes = json::array();
    bool available = true;
    const auto now = std::chrono::steady_clock::now();
    for (const RedisNodeStatus& node : redis_->status()) {
        nodes.push_back(asJson(node, now));
        available = available && node.available;
    }
    return {{"kind", "redis"},
            {"url", settings_.redis->url()},
            {"available", available && !nodes.empty()},
            {"nodes", std::move(nodes)}};
}

json DaemonStatus::rates() const {
    const auto now = std::chrono::steady_clock::now();
    const auto minute = services_.rates.within(std::chrono::minutes(1), now);
    const auto hour = services_.rates.within(std::chrono::hours(1), now);
    return {{"messages_minute", minute.messages},
            {"refusals_minute", minute.refusals},
            {"messages_hour", hour.messages},
            {"refusals_hour", hour.refusals}};
}

json DaemonStatus::zones() const {
    auto zones = json::array();
    for (const DnsblZoneStatus& zone : services_.dnsbl->status())
        zones.push_back(asJson(zone));
    return zones;
}

json DaemonStatus::read() const {
    const auto runtime = services_.runtime.get();
    const auto uptime = std::chrono::steady_clock::now() - started_;
    return {{"version", version},
            {"pid", ::getpid()},
            {"uptime_seconds", std::chrono::duration_cast<std::chrono::seconds>(uptime).count()},
            {"config", configFile_},
            {"socket", settings_.socket.text()},
            {"mode", runtime->config.observe ? "observe" : "enforce"},
            {"sessions", services_.openSessions.count()},
            {"lists", runtime->config.policy->lists.lists.size()},
            {"rates", rates()},
            {"store", store()},
            {"tracking", tracking(runtime->tracking.get())},
            {"dnsbl", zones()}};
}

} // namespace sluice
