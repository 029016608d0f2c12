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

void showZone(const json& zone, std::ostream& out) {
    fmt::print(out, "DNSBL {}: {} queries, {} listed, {} not, {} unknown, {} errors\n",
               shown(zone, "zone"), shown(zone, "queries"), shown(zone, "listed"),
               shown(zone, "not_listed"), shown(zone, "unknown"), shown(zone, "provider_errors"));
    for (const char* const family : {"suspended_ipv4", "suspended_ipv6"})
        if (const std::string reason = shown(zone, family); !reason.empty() && reason != "?")
            fmt::print(out, "  {}: {}\n", family, reason);
}

void showStore(const json& store, std::ostream& out) {
    fmt::print(out, "store {}, available: {}\n",
               shown(store, store.contains("url") ? "url" : "kind"), shown(store, "available"));
    if (const auto nodes = store.find("nodes"); nodes != store.end() && nodes->is_array())
        for (const json& node : *nodes)
            if (node.is_object())
                fmt::print(out, "  {}, available: {}\n", shown(node, "address"),
                           shown(node, "available"));
}

void show(const json& status, std::ostream& out) {
    const auto uptime = status.find("uptime_seconds");
    const bool known = uptime != status.end() && uptime->is_number_integer();
    fmt::print(out, "sluice-milter {}, process {}, up {}, mode {}\n", shown(status, "version"),
               shown(status, "pid"), known ? roughly(uptime->get<std::int64_t>()) : "?",
               shown(status, "mode"));
    fmt::print(out, "socket {}, {} connections open, {} lists\n", shown(status, "socket"),
               shown(status, "sessions"), shown(status, "lists"));
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
    "Version, mode, open connections, the store, and for each DNSBL how often it was asked, what "
    "it\n"
    "answered and whether it is suspended.",
    runStatus,
};

} // namespace sluice::ctl
