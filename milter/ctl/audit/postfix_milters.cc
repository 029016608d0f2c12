// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/audit/postfix_milters.hh"

#include "common/text.hh"

#include <algorithm>
#include <utility>

namespace sluice::ctl::audit {
namespace {

using WhenAway = MilterUse::WhenAway;
using Service = PostfixSettings::Service;

WhenAway whenAway(std::string_view word) {
    if (word == "accept")
        return WhenAway::accept;
    if (word == "reject")
        return WhenAway::reject;
    return word == "quarantine" ? WhenAway::quarantine : WhenAway::tempfail;
}

/// `unix:PATH`, or `inet:HOST:PORT`, unlike sluice's own way to write it.
Endpoint endpointOf(std::string_view text, const std::string& queueDirectory) {
    constexpr std::string_view inet = "inet:";
    if (!text.starts_with(inet)) {
        Endpoint endpoint = parseEndpoint(text);
        if (!endpoint.path.empty() && endpoint.path.front() != '/')
            endpoint.path = queueDirectory + '/' + endpoint.path;
        return endpoint;
    }
    text.remove_prefix(inet.size());
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return {};
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    return {"", toLowerAscii(host), std::string(text.substr(colon + 1))};
}

void setAttribute(std::string_view text, MilterUse& use) {
    text = withoutBraces(text);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos)
        return;
    const std::string_view name = trim(text.substr(0, equals));
    const std::string_view value = trim(text.substr(equals + 1));
    if (name == "default_action")
        use.whenAway = whenAway(value);
    else if (name == "connect_timeout")
        use.connect = parseMtaTime(value).value_or(use.connect);
    else if (name == "command_timeout")
        use.command = parseMtaTime(value).value_or(use.command);
    else if (name == "content_timeout")
        use.content = parseMtaTime(value).value_or(use.content);
}

MilterDefaults defaultsOf(const PostfixSettings& settings, const Service* service) {
    const auto value = [&](const std::string& name) -> const std::string& {
        return service != nullptr ? settings.value(*service, name) : settings.value(name);
    };
    MilterDefaults defaults;
    defaults.whenAway = whenAway(value("milter_default_action"));
    defaults.connect = parseMtaTime(value("milter_connect_timeout")).value_or(defaults.connect);
    defaults.command = parseMtaTime(value("milter_command_timeout")).value_or(defaults.command);
    defaults.content = parseMtaTime(value("milter_content_timeout")).value_or(defaults.content);
    return defaults;
}

bool isLoopbackService(const Service& service) {
    return service.name.starts_with("127.") || service.name.starts_with("[::1]") ||
           service.name.starts_with("::1") || service.name.starts_with("localhost:");
}

bool holds(const std::string& list, std::string_view word) {
    const auto words = splitItems(list);
    return std::find(words.begin(), words.end(), word) != words.end();
}

Listener listenerOf(const PostfixSettings& settings, const Service& service,
                    const std::string& queueDirectory) {
    Listener listener;
    listener.name = service.name;
    listener.loopback = isLoopbackService(service);
    listener.chroot = service.chroot;
    listener.ownMilters = settings.isOverridden(service, "smtpd_milters");
    listener.bypassed = holds(settings.value(service, "receive_override_options"), "no_milters");
    listener.place = listener.ownMilters ? service.place : settings.place("smtpd_milters");
    if (listener.bypassed)
        listener.place = settings.isOverridden(service, "receive_override_options")
                             ? service.place
                             : settings.place("receive_override_options");
    listener.milters =
        parsePostfixMilters(settings.value(service, "smtpd_milters"),
                            defaultsOf(settings, &service), queueDirectory, listener.place);
    return listener;
}

} // namespace

std::vector<MilterUse> parsePostfixMilters(std::string_view value, const MilterDefaults& defaults,
                                           const std::string& queueDirectory, const Place& place) {
    std::vector<MilterUse> uses;
    for (const std::string& item : splitItems(value)) {
        const auto parts = splitItems(withoutBraces(item));
        if (parts.empty())
            continue;
        MilterUse use;
        use.name = parts.front();
        use.endpoint = endpointOf(use.name, queueDirectory);
        use.whenAway = defaults.whenAway;
        use.connect = defaults.connect;
        use.command = defaults.command;
        use.content = defaults.content;
        use.place = place;
        for (std::size_t i = 1; i < parts.size(); ++i)
            setAttribute(parts[i], use);
        uses.push_back(std::move(use));
    }
    return uses;
}

void readPostfixMilters(const PostfixSettings& settings, MtaFacts& facts) {
    for (const Service& service : settings.services())
        facts.listeners.push_back(listenerOf(settings, service, facts.queueDirectory));
    facts.milterLine = settings.value("smtpd_milters");
    facts.localMailPlace = settings.place("non_smtpd_milters");
    facts.localMailMilters =
        parsePostfixMilters(settings.value("non_smtpd_milters"), defaultsOf(settings, nullptr),
                            facts.queueDirectory, facts.localMailPlace);
    facts.filtersReports = holds(settings.value("internal_mail_filter_classes"), "bounce");
    facts.filtersReportsPlace = settings.place("internal_mail_filter_classes");
}

} // namespace sluice::ctl::audit
