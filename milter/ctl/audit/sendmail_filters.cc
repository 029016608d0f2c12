// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/audit/sendmail_filters.hh"

#include "common/text.hh"
#include "milter/ctl/audit/config_text.hh"

#include <algorithm>
#include <utility>

namespace sluice::ctl::audit {
namespace {

using WhenAway = MilterUse::WhenAway;

WhenAway whenAway(std::string_view flags) {
    if (flags.find('T') != std::string_view::npos || flags.find('4') != std::string_view::npos)
        return WhenAway::tempfail;
    return flags.find('R') != std::string_view::npos ? WhenAway::reject : WhenAway::accept;
}

/// `C:30s;S:10s;R:10s;E:60s`. What is sent (S) and what is awaited (R) both belong to a command.
void setTimes(std::string_view text, MilterUse& use) {
    for (const std::string_view part : split(text, ';')) {
        const std::string_view each = trim(part);
        const std::size_t colon = each.find(':');
        if (colon != 1)
            continue;
        const auto time = parseMtaTime(each.substr(colon + 1));
        if (!time)
            continue;
        if (each.front() == 'C')
            use.connect = *time;
        else if (each.front() == 'R')
            use.command = *time;
        else if (each.front() == 'E')
            use.content = *time;
    }
}

std::vector<MilterUse> namedFilters(std::string_view names, const std::vector<MilterUse>& all) {
    std::vector<MilterUse> found;
    for (std::size_t at = 0; at != std::string_view::npos;) {
        at = names.find_first_of(",;");
        const std::string_view name = trim(names.substr(0, at));
        const auto use = std::find_if(all.begin(), all.end(),
                                      [&](const MilterUse& each) { return each.name == name; });
        if (use != all.end())
            found.push_back(*use);
        if (at != std::string_view::npos)
            names.remove_prefix(at + 1);
    }
    return found;
}

/// `Name=MTA, Port=25, Addr=127.0.0.1, InputMailFilters=a;b`
Listener parseDaemon(const SendmailFilterLines::Line& line, const std::vector<MilterUse>& all) {
    Listener listener;
    listener.name = "MTA";
    listener.ownMilters = false;
    for (const std::string_view part : split(line.text, ',')) {
        const std::size_t equals = part.find('=');
        if (equals == std::string_view::npos)
            continue;
        const std::string_view name = trim(part.substr(0, equals));
        const std::string_view value = trim(part.substr(equals + 1));
        if (equalsIgnoringCase(name, "Name")) {
            listener.name = value;
        } else if (name.starts_with('A') || name.starts_with('a')) {
            listener.loopback = value.starts_with("127.") || value == "::1" || value == "localhost";
        } else if (equalsIgnoringCase(name, "InputMailFilters")) {
            listener.ownMilters = true;
            listener.milters = namedFilters(value, all);
            listener.place = line.place;
        }
    }
    return listener;
}

} // namespace

MilterUse parseSendmailFilter(std::string_view text, const Place& place) {
    MilterUse use;
    use.whenAway = WhenAway::accept;
    use.connect = std::chrono::minutes(5);
    use.command = std::chrono::seconds(10);
    use.content = std::chrono::minutes(5);
    use.place = place;
    const auto parts = split(text, ',');
    use.name = trim(parts.front());
    for (const std::string_view written : parts) {
        const std::string_view part = trim(written);
        if (part.size() < 2 || part[1] != '=')
            continue;
        const std::string_view value = trim(part.substr(2));
        if (part.front() == 'S')
            use.endpoint = parseEndpoint(value);
        else if (part.front() == 'F')
            use.whenAway = whenAway(value);
        else if (part.front() == 'T')
            setTimes(value, use);
    }
    return use;
}

void readSendmailFilters(const SendmailFilterLines& lines, MtaFacts& facts) {
    std::vector<MilterUse> all;
    for (const SendmailFilterLines::Line& line : lines.filters)
        all.push_back(parseSendmailFilter(line.text, line.place));
    const std::vector<MilterUse> inUse = namedFilters(lines.inputFilters.text, all);
    facts.milterPlace = lines.inputFilters.place;
    facts.milterLine = lines.inputFilters.text;
    std::vector<SendmailFilterLines::Line> daemons = lines.daemons;
    if (daemons.empty())
        daemons.push_back({"Name=MTA", facts.milterPlace});
    for (const SendmailFilterLines::Line& line : daemons) {
        Listener listener = parseDaemon(line, all);
        if (!listener.ownMilters) {
            listener.milters = inUse;
            listener.place = facts.milterPlace;
        }
        facts.listeners.push_back(std::move(listener));
    }
}

} // namespace sluice::ctl::audit
