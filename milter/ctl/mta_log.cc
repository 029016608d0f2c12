// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/mta_log.hh"

#include "common/text.hh"
#include "common/timestamp.hh"

#include <algorithm>
#include <ctime>

namespace sluice::ctl {
namespace {

constexpr std::size_t longestQueueId = 32;

/// "Nov 23 21:35:00", or RFC 3339, and a blank. Takes it off.
std::optional<std::chrono::system_clock::time_point> takeTime(std::string_view& line, int year) {
    constexpr std::size_t syslogLength = 15;
    if (!line.empty() && line.front() >= '0' && line.front() <= '9') {
        const std::size_t blank = line.find(' ');
        const auto time = parseTimestamp(line.substr(0, blank));
        if (!time || blank == line.npos)
            return std::nullopt;
        line.remove_prefix(blank + 1);
        return *time;
    }
    if (line.size() <= syslogLength || line[syslogLength] != ' ')
        return std::nullopt;
    const std::string text = std::to_string(year) + ' ' + std::string(line.substr(0, syslogLength));
    std::tm when{};
    when.tm_isdst = -1;
    const char* const end = ::strptime(text.c_str(), "%Y %b %d %H:%M:%S", &when);
    if (end == nullptr || *end != '\0')
        return std::nullopt;
    line.remove_prefix(syslogLength + 1);
    return std::chrono::system_clock::from_time_t(::mktime(&when));
}

bool isQueueId(std::string_view text) {
    return !text.empty() && text.size() <= longestQueueId &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
           });
}

/// The value behind `name=`, to the next comma that ends it: `to=<a,b@x>, relay=…`.
std::string_view field(std::string_view text, std::string_view name) {
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view rest = text.substr(at);
        std::size_t end = rest.find(", ");
        // the status is the last one, and has commas of its own
        if (rest.starts_with("status=") || rest.starts_with("stat="))
            end = rest.npos;
        const std::string_view each = rest.substr(0, end);
        if (each.starts_with(name) && each.substr(name.size()).starts_with('='))
            return each.substr(name.size() + 1);
        if (end == rest.npos)
            break;
        at += end + 2;
    }
    return {};
}

std::string_view withoutBrackets(std::string_view path) {
    if (path.size() >= 2 && path.front() == '<' && path.back() == '>')
        return path.substr(1, path.size() - 2);
    return path;
}

/// The queue id behind words like "forwarded as ".
std::string childBehind(std::string_view text, std::string_view words) {
    const std::size_t at = text.find(words);
    if (at == text.npos)
        return {};
    std::string_view id = text.substr(at + words.size());
    id = id.substr(0, id.find_first_of(" ,;)"));
    return isQueueId(id) ? std::string(id) : std::string();
}

std::string childIn(std::string_view text) {
    for (const std::string_view words :
         {"(forwarded as ", "non-delivery notification: ", "delay notification: ",
          "delivery status notification: ", "clone: owner=", "clone "})
        if (std::string id = childBehind(text, words); !id.empty())
            return id;
    return {};
}

} // namespace

std::optional<MtaLine> parseMtaLine(std::string_view line, int year) {
    const auto time = takeTime(line, year);
    // HOST TAG[PID]: QUEUEID: …
    const std::size_t tag = time ? line.find(' ') : line.npos;
    const std::size_t colon = tag == line.npos ? line.npos : line.find(": ", tag);
    if (colon == line.npos)
        return std::nullopt;
    std::string_view text = line.substr(colon + 2);
    const std::size_t end = text.find(": ");
    if (end == text.npos || !isQueueId(text.substr(0, end)))
        return std::nullopt;
    MtaLine found;
    found.time = *time;
    found.queueId = text.substr(0, end);
    text.remove_prefix(end + 2);
    found.from = field(text, "from");
    found.to = withoutBrackets(field(text, "to"));
    found.originalTo = withoutBrackets(field(text, "orig_to"));
    if (found.originalTo.empty())
        found.originalTo =
            withoutBrackets(field(text, "ctladdr").substr(0, field(text, "ctladdr").find(' ')));
    found.relay = field(text, "relay");
    found.status = field(text, "status");
    if (found.status.empty())
        found.status = field(text, "stat");
    found.child = childIn(text);
    return found;
}

} // namespace sluice::ctl
