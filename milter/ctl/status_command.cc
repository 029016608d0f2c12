// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/status_command.hh"

#include "common/text.hh"
#include "milter/ctl/control_call.hh"

#include <fmt/ostream.h>
#include <sysexits.h>

namespace sluice::ctl {
namespace {

using nlohmann::json;

/// A value as text, fit for a terminal; "?" when it is not there.
std::string shown(const json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end())
        return "?";
    return escapeForDisplay(found->is_string() ? found->get<std::string>() : found->dump());
}

/// A number of seconds as people say it; "?" when it is not there.
std::string shownSeconds(const json& object, const std::string& name) {
    const auto found = object.find(name);
    const bool known = found != object.end() && found->is_number_integer();
    return known ? roughly(found->get<std::int64_t>()) : "?";
}

void showSuspension(const json& zone, const std::string& family, std::ostream& out) {
    const std::string reason = shown(zone, ("suspended_" + family).c_str());
    if (reason.empty() || reason == "?")
        return;
    fmt::print(out, "  suspended{} for {}: {}; next probe in {}\n",
               family == "ipv6" ? " for IPv6 clients" : "",
               shownSeconds(zone, "suspended_" + family + "_seconds"), reason,
               shownSeconds(zone, "probe_" + family + "_seconds"));
}

void showZone(const json& zone, std::ostream& out) {
    fmt::print(out, "DNSBL {}: {} queries, {} listed, {} not, {} unknown, {} errors\n",
               shown(zone, "zone"), shown(zone, "queries"), shown(zone, "listed"),
               shown(zone, "not_listed"), shown(zone, "unknown"), shown(zone, "provider_errors"));
    for (const char* const family : {"ipv4", "ipv6"})
        showSuspension(zone, family, out);
}

bool isTrue(const json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_boolean() && found->get<bool>();
}

void showNode(const json& node, std::ostream& out) {
    fmt::print(out, "  {} ", shown(node, "address"));
    if (isTrue(node, "available"))
        fmt::print(out, "available\n");
    else
        fmt::print(out, "unavailable for {}: {}; next try in {}\n",
                   shownSeconds(node, "unavailable_seconds"), shown(node, "reason"),
                   shownSeconds(node, "next_try_seconds"));
}

void showStore(const json& store, std::ostream& out) {
    fmt::print(out, "store {}, {}\n", shown(store, store.contains("url") ? "url" : "kind"),
               isTrue(store, "available") ? "available"
                                          : "unavailable: this node counts for itself");
    if (const auto nodes = store.find("nodes"); nodes != store.end() && nodes->is_array())
        for (const json& node : *nodes)
            if (node.is_object())
                showNode(node, out);
}

void showRates(const json& rates, std::ostream& out) {
    fmt::print(out, "last minute: {} messages, {} refusals; last hour: {} messages, {} refusals\n",
               shown(rates, "messages_minute"), shown(rates, "refusals_minute"),
               shown(rates, "messages_hour"), shown(rates, "refusals_hour"));
}

void show(const json& status, std::ostream& out) {
    fmt::print(out, "sluice-milter {}, process {}, up {}, mode {}\n", shown(status, "version"),
               shown(status, "pid"), shownSeconds(status, "uptime_seconds"), shown(status, "mode"));
    fmt::print(out, "socket {}, {} connections open, {} lists\n", shown(status, "socket"),
               shown(status, "sessions"), shown(status, "lists"));
    if (const std::string config = shown(status, "config"); !config.empty() && config != "?")
        fmt::print(out, "configuration {}\n", config);
    if (const auto rates = status.find("rates"); rates != status.end() && rates->is_object())
        showRates(*rates, out);
    if (const auto store = status.find("store"); store != status.end() && store->is_object())
        showStore(*store, out);
    if (const auto zones = status.find("dnsbl"); zones != status.end() && zones->is_array())
        for (const json& zone : *zones)
            if (zone.is_object())
                showZone(zone, out);
}

int runStatus(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    const auto given = controlWords(arguments);
    if (!given)
        return usageError("status", given.error().message, err);
    if (!given->words.empty())
        return usageError("status", quoteForDisplay(given->words.front()) + " is not known", err);
    json result;
    const int status = ask("status", given->path, {"status"}, EX_UNAVAILABLE, result, err);
    if (status != EX_OK)
        return status;
    if (given->json)
        out << result << '\n';
    else if (result.is_object())
        show(result, out);
    return EX_OK;
}

} // namespace

const Command statusCommand{
    "status",
    "Show what the running filter does",
    "status [--control PATH] [--json]",
    "What runs and since when, its mode, the open connections, the store and why it is not\n"
    "available, and for each DNSBL how often it was asked, what it answered, and why and since "
    "when\n"
    "it is suspended.\n\n"
    "  sluicectl status\n"
    "  sluicectl status --json | jq .dnsbl",
    runStatus,
};

} // namespace sluice::ctl
