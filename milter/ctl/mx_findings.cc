// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/mx_findings.hh"

#include "common/text.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace sluice::ctl {
namespace {

using Findings = std::vector<MxFinding>;
using End = SmtpStep::End;
using Status = LookUp::Status;

constexpr int greeting = 220;
constexpr int lowestRefusal = 400;
constexpr std::size_t mostShown = 160; ///< octets of what a server said

bool isDigit(char c) {
    return c >= '0' && c <= '9';
}

std::string seconds(std::chrono::microseconds time) {
    constexpr double manySeconds = 10;
    const double count = std::chrono::duration<double>(time).count();
    return fmt::format("{:.{}f} s", count, count < manySeconds ? 1 : 0);
}

/// The last line of an answer, with its code.
std::string shown(const SmtpAnswer& answer) {
    const std::string line = answer.lines.empty() ? std::string() : answer.lines.back();
    return fmt::format("{} {}", answer.code, escapeForDisplay(line, mostShown));
}

std::string shownLine(const SmtpAnswer& answer) {
    const std::string line = answer.lines.empty() ? std::string() : answer.lines.back();
    return fmt::format("\"{}\"", escapeForDisplay(line, mostShown));
}

/// Errors that say something of this machine and nothing of the server.
bool isOurs(int error) {
    constexpr std::array ours{ENETUNREACH, EADDRNOTAVAIL, EAFNOSUPPORT, EMFILE, ENFILE,
                              ENOBUFS,     ENOMEM,        EACCES,       EPERM};
    return std::find(ours.begin(), ours.end(), error) != ours.end();
}

Findings onConnect(const SmtpStep& step) {
    if (step.end == End::notTried)
        return {{"not-tried", false, "not tried"}};
    if (step.end == End::failed && isOurs(step.error))
        return {{"not-tried", false,
                 fmt::format("cannot be tried from here: {}", std::strerror(step.error))}};
    if (step.end == End::failed && step.error != ETIMEDOUT)
        return {{"no-answer", true, fmt::format("does not answer: {}", std::strerror(step.error))}};
    return {{"no-answer", true,
             fmt::format("does not answer: no handshake in {}", seconds(step.took))}};
}

/// Of a step that was begun and not done; `what` the server owes.
MxFinding onBroken(const SmtpStep& step, std::string_view kind, std::string_view what) {
    switch (step.end) {
    case End::timedOut:
        return {kind, true,
                fmt::format("no {}{} in {}", step.begun ? "end of the " : "", what,
                            seconds(step.took))};
    case End::closed:
        return {kind, true, fmt::format("connection closed without a whole {}", what)};
    case End::failed:
        return {kind, true, fmt::format("no {}: {}", what, std::strerror(step.error))};
    case End::noSmtp:
        return {"no-smtp", true,
                fmt::format("no SMTP in its {}: {}", what, shownLine(step.answer))};
    case End::tooLong:
        return {"no-smtp", true, fmt::format("no SMTP: its {} does not end", what)};
    case End::notTried:
    case End::done:
        break;
    }
    return {"not-tried", false, fmt::format("{} not asked for", what)};
}

Findings onBanner(const SmtpStep& step) {
    if (step.end == End::timedOut && !step.begun)
        return {
            {"no-banner", true, fmt::format("handshake but no banner in {}", seconds(step.took))}};
    if (step.end != End::done)
        return {onBroken(step, "no-banner", "banner")};
    if (step.answer.code >= lowestRefusal)
        return {{"refuses", true, "refuses with " + shown(step.answer)}};
    if (step.answer.code != greeting)
        return {{"no-smtp", true, "greets with " + shown(step.answer)}};
    if (isMaskedBanner(step.answer))
        return {{"masked-banner", true,
                 fmt::format("banner masked by a firewall ({})", shown(step.answer))}};
    return {};
}

std::string afterRefusal(const SmtpStep& helo) {
    if (helo.end == End::notTried)
        return "";
    if (helo.end != End::done)
        return ", and no answer to HELO";
    return helo.answer.code < lowestRefusal ? ", HELO works"
                                            : ", and HELO too with " + shown(helo.answer);
}

Findings onEhlo(const SmtpProbe& probe) {
    const SmtpStep& ehlo = probe.ehlo;
    if (ehlo.end == End::notTried)
        return {};
    if (ehlo.end == End::closed && !ehlo.begun)
        return {{"ehlo-refused", true, "EHLO refused: it closes the connection"}};
    if (ehlo.end != End::done)
        return {onBroken(ehlo, "no-ehlo-answer", "answer to EHLO")};
    if (ehlo.answer.code >= lowestRefusal)
        return {{"ehlo-refused", true,
                 "EHLO refused with " + shown(ehlo.answer) + afterRefusal(probe.helo)}};
    if (const std::string_view masked = maskedExtension(ehlo.answer); !masked.empty())
        return {{"masked-extension", true,
                 fmt::format("extension masked by a firewall ({})", escapeForDisplay(masked))}};
    return {};
}

bool isGreeted(const SmtpStep& step) {
    constexpr int done = 250;
    return step.end == End::done && step.answer.code == done;
}

MxFinding onMissingAddresses(const MailExchanger& exchanger) {
    for (const LookUp* lookUp : {&exchanger.v4, &exchanger.v6})
        if (lookUp->status == Status::failed)
            return {"dns-trouble", true, "DNS trouble, its addresses are unknown: " + lookUp->why};
    const bool noName = exchanger.v4.status == Status::noName;
    return {"no-address", true, noName ? "there is no such name" : "it has no address"};
}

} // namespace

Findings findingsOn(const MailRoute& route) {
    Findings findings;
    const auto say = [&](std::string_view kind, bool trouble, std::string text) {
        findings.push_back({kind, trouble, std::move(text)});
    };
    if (route.mx.status == Status::failed)
        say("dns-trouble", true, "DNS trouble, its MXs are unknown: " + route.mx.why);
    else if (route.mx.status == Status::noName)
        say("no-such-domain", true, "there is no such domain");
    else if (route.mx.status == Status::noData)
        say("no-mx", false, "no MX: mail goes to the address of the domain itself");
    else if (route.nullMx && route.exchangers.empty())
        say("null-mx", true, "null MX: it takes no mail");
    else if (route.nullMx)
        say("null-mx", true, "null MX beside others, which contradict it");
    else if (route.exchangers.empty())
        say("dns-trouble", true, "DNS trouble, its MX records cannot be read");
    if (route.exchangersLeftOut > 0)
        say("left-out", false, fmt::format("{} more MXs are left out", route.exchangersLeftOut));
    return findings;
}

Findings findingsOn(const MailExchanger& exchanger) {
    if (exchanger.record && exchanger.record->target == MxRecord::Target::address)
        return {{"mx-is-address", true, "an IP address in place of a name"}};
    if (exchanger.record && exchanger.record->target == MxRecord::Target::noName)
        return {{"mx-is-no-name", true, "no name of a host"}};
    Findings findings;
    if (exchanger.record && !exchanger.canonicalName.empty())
        findings.push_back({"mx-is-alias", true,
                            "an alias (CNAME) of " + escapeForDisplay(exchanger.canonicalName)});
    if (exchanger.addresses.empty()) {
        findings.push_back(onMissingAddresses(exchanger));
        return findings;
    }
    if (exchanger.v4.status == Status::failed)
        findings.push_back({"dns-trouble", true,
                            "DNS trouble, its IPv4 addresses are unknown: " + exchanger.v4.why});
    if (exchanger.v6.status == Status::failed)
        findings.push_back({"dns-trouble", true,
                            "DNS trouble, its IPv6 addresses are unknown: " + exchanger.v6.why});
    if (exchanger.addressesLeftOut > 0)
        findings.push_back(
            {"left-out", false,
             fmt::format("{} more addresses are left out", exchanger.addressesLeftOut)});
    return findings;
}

Findings findingsOn(const SmtpProbe& probe) {
    if (probe.connect.end != End::done)
        return onConnect(probe.connect);
    Findings findings = onBanner(probe.banner);
    for (MxFinding& more : onEhlo(probe))
        findings.push_back(std::move(more));
    return findings;
}

bool takesMail(const SmtpProbe& probe) {
    return isGreeted(probe.ehlo) || isGreeted(probe.helo);
}

bool isMaskedBanner(const SmtpAnswer& banner) {
    constexpr auto fewestStars = 3;
    if (banner.code != greeting || banner.lines.empty())
        return false;
    const std::string& line = banner.lines.front();
    return std::count(line.begin(), line.end(), '*') >= fewestStars &&
           std::all_of(line.begin(), line.end(),
                       [](char c) { return c == '*' || c == ' ' || isDigit(c); });
}

std::string_view maskedExtension(const SmtpAnswer& ehlo) {
    constexpr std::size_t fewestMarks = 4;
    for (std::size_t i = 1; i < ehlo.lines.size(); ++i) {
        const std::string_view line = ehlo.lines[i];
        const std::string_view keyword = line.substr(0, line.find(' '));
        const bool written =
            keyword.size() >= fewestMarks && keyword.back() >= 'A' && keyword.back() <= 'Z' &&
            std::all_of(keyword.begin(), keyword.end() - 1, [](char c) { return c == 'X'; });
        if (written)
            return keyword;
    }
    return {};
}

std::string textOf(const Findings& findings) {
    std::string text;
    for (const MxFinding& finding : findings)
        text += (text.empty() ? "" : "; ") + finding.text;
    return text.empty() ? "ok" : text;
}

} // namespace sluice::ctl
