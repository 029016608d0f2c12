// SPDX-License-Identifier: BSD-2-Clause
#include "common/duration.hh"
#include "common/text.hh"
#include "milter/ctl/audit/rules.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <utility>

namespace sluice::ctl::audit {
namespace {

using WhenAway = MilterUse::WhenAway;

/// A client waits five minutes for the greeting (RFC 5321 section 4.5.3.2), and some wait less.
constexpr std::chrono::seconds longestConnect{60};
constexpr std::chrono::seconds shortestContent{10};

/// Filters that sign, which may well see what sluice adds.
constexpr std::array<std::string_view, 4> signers{"opendkim", "dkim", "openarc", "arc"};

bool signs(const MilterUse& use) {
    const std::string name = toLowerAscii(use.name);
    return name.find("dmarc") == std::string::npos &&
           std::any_of(signers.begin(), signers.end(), [&](std::string_view signer) {
               return name.find(signer) != std::string::npos;
           });
}

class MilterRules {
public:
    MilterRules(const Review& review, Findings& findings)
        : review_(review), mta_(review.mta), findings_(findings) {}

    void look();

private:
    void listener(const Listener& listener);
    void absent(const Listener& listener);
    void bypassed(const Listener& listener);
    void use(const Listener& listener, const MilterUse& use);
    void timeOuts(const MilterUse& use);
    void order(const Listener& listener, std::size_t position);

    /// What the MTA connects to from inside its chroot.
    [[nodiscard]] Endpoint seenFrom(const Listener& listener, const MilterUse& use) const;
    [[nodiscard]] std::size_t positionOfSluice(const Listener& listener) const;
    [[nodiscard]] std::vector<std::string> linesToCall() const;
    [[nodiscard]] std::string mendFile() const;

    Finding& add(Severity severity, std::string_view code, Place place, std::string what,
                 std::string why, std::vector<std::string> lines) {
        findings_.push_back({severity,
                             code,
                             std::move(place),
                             std::move(what),
                             std::move(why),
                             {},
                             std::move(lines),
                             mendFile()});
        return findings_.back();
    }
    /// Milters that several listeners share are looked at once.
    [[nodiscard]] bool isNew(std::string_view code, const Place& place) {
        return seen_.insert(std::string(code) + ' ' + place.text()).second;
    }

    const Review& review_;
    const MtaFacts& mta_;
    Findings& findings_;
    std::set<std::string> seen_;
};

std::string MilterRules::mendFile() const {
    return mta_.mta == Mta::postfix ? mta_.source + "/main.cf" : "sendmail.mc";
}

std::vector<std::string> MilterRules::linesToCall() const {
    if (mta_.mta == Mta::postfix)
        return {fmt::format("smtpd_milters = {}{}{{ {}, connect_timeout=10s, command_timeout=30s, "
                            "default_action=tempfail }}",
                            mta_.milterLine, mta_.milterLine.empty() ? "" : ", ",
                            socketForPostfix(review_))};
    const Endpoint& socket = review_.sluice.socket;
    const std::string where = socket.path.empty()
                                  ? fmt::format("inet:{}@{}", socket.port, socket.host)
                                  : "local:" + socket.path;
    return {"INPUT_MAIL_FILTER(`sluice', `S=" + where + ", F=T, T=C:30s;S:10s;R:30s;E:60s')dnl"};
}

Endpoint MilterRules::seenFrom(const Listener& listener, const MilterUse& use) const {
    Endpoint endpoint = use.endpoint;
    if (listener.chroot && endpoint.path.starts_with('/') &&
        !endpoint.path.starts_with(mta_.queueDirectory + '/'))
        endpoint.path = mta_.queueDirectory + endpoint.path;
    return endpoint;
}

/// How many milters there are: it is none of them.
std::size_t MilterRules::positionOfSluice(const Listener& listener) const {
    const auto found =
        std::find_if(listener.milters.begin(), listener.milters.end(), [&](const MilterUse& use) {
            return isSame(use.endpoint, review_.sluice.socket) ||
                   isSame(seenFrom(listener, use), review_.sluice.socket);
        });
    return static_cast<std::size_t>(std::distance(listener.milters.begin(), found));
}

void MilterRules::bypassed(const Listener& listener) {
    if (isNew("milter-bypassed", listener.place))
        add(Severity::high, "milter-bypassed", listener.place,
            fmt::format("receive_override_options = no_milters switches all milters off for {}",
                        listener.name),
            "its mail passes unfiltered",
            {"# without no_milters; it is for a listener that takes mail back from a content "
             "filter"});
}

void MilterRules::absent(const Listener& listener) {
    const bool sendmail = mta_.mta == Mta::sendmail;
    if (!listener.ownMilters) {
        if (!isNew("milter-missing", listener.place))
            return;
        add(Severity::high, "milter-missing", listener.place,
            fmt::format("{} does not name the socket of sluice, {}",
                        sendmail ? "InputMailFilters" : "smtpd_milters", review_.sluice.socketText),
            "no mail is filtered", linesToCall());
        return;
    }
    std::string names;
    for (const MilterUse& each : listener.milters)
        names += each.name + (sendmail ? ";" : ", ");
    add(Severity::medium, "milter-missing", listener.place,
        fmt::format("the listener {} has milters of its own, and sluice is none of them",
                    listener.name),
        "mail that comes in there passes none of the rules",
        {sendmail
             ? "InputMailFilters=" + names + "sluice"
             : fmt::format("  -o {{ smtpd_milters = {}{} }}", names, socketForPostfix(review_))})
        .mendFile = sendmail ? mendFile() : listener.place.file;
}

void MilterRules::timeOuts(const MilterUse& use) {
    const auto dns = review_.sluice.dnsTimeout;
    const bool sendmail = mta_.mta == Mta::sendmail;
    if (use.command <= dns)
        add(Severity::medium, "milter-timeouts", use.place,
            fmt::format("the mail server waits {} for an answer to a command, and sluice up to {} "
                        "for DNS (dns-timeout)",
                        formatDuration(use.command), formatDuration(dns)),
            "it takes the filter for dead while it works",
            {sendmail ? "T=C:30s;S:10s;R:30s;E:60s" : "milter_command_timeout = 30s"});
    if (use.connect > longestConnect)
        add(Severity::low, "milter-timeouts", use.place,
            fmt::format("the mail server waits {} for the filter before it greets a client",
                        formatDuration(use.connect)),
            "while the filter hangs clients see no banner, and go away",
            {sendmail ? "T=C:30s;S:10s;R:30s;E:60s" : "milter_connect_timeout = 30s"});
    if (use.content < shortestContent)
        add(Severity::low, "milter-timeouts", use.place,
            fmt::format("the mail server waits {} for an answer to a message",
                        formatDuration(use.content)),
            "a store or disk that is slow for a moment defers mail",
            {sendmail ? "T=C:30s;S:10s;R:30s;E:60s" : "milter_content_timeout = 300s"});
}

void MilterRules::use(const Listener& listener, const MilterUse& use) {
    const bool sendmail = mta_.mta == Mta::sendmail;
    if (listener.chroot && !isSame(seenFrom(listener, use), review_.sluice.socket) &&
        isNew("milter-chroot", listener.place))
        add(Severity::high, "milter-chroot", listener.place,
            fmt::format("{} runs in a chroot and looks for the socket {} below {}", listener.name,
                        use.endpoint.path, mta_.queueDirectory),
            "it does not reach the filter, and does what milter_default_action says",
            {fmt::format("socket = unix:{}/sluice/sluice.sock  # in sluice's configuration",
                         mta_.queueDirectory),
             "smtpd_milters = unix:sluice/sluice.sock"});
    if (!isNew("use", use.place.file.empty() ? listener.place : use.place))
        return;
    const std::vector<std::string> tempfail{sendmail ? "F=T" : "milter_default_action = tempfail"};
    if (use.whenAway == WhenAway::accept)
        add(Severity::medium, "milter-default-action", use.place,
            sendmail ? "the filter has no F=, so Sendmail accepts mail while it is away"
                     : "the mail server accepts mail while the filter is away "
                       "(milter_default_action)",
            "mail passes unfiltered, and nobody notices", tempfail);
    else if (use.whenAway != WhenAway::tempfail)
        add(Severity::low, "milter-default-action", use.place,
            fmt::format("the mail server {} mail while the filter is away",
                        use.whenAway == WhenAway::reject ? "refuses" : "quarantines"),
            "a restart of the filter costs good mail; with tempfail clients come back", tempfail);
    timeOuts(use);
}

void MilterRules::order(const Listener& listener, std::size_t position) {
    if (position + 1 >= listener.milters.size() || !isNew("milter-order", listener.place))
        return;
    const auto behind = listener.milters.begin() + static_cast<std::ptrdiff_t>(position) + 1;
    const auto decides = std::find_if_not(behind, listener.milters.end(), signs);
    if (decides == listener.milters.end())
        add(Severity::info, "milter-order", listener.place,
            fmt::format("{} stands behind sluice and signs what sluice has added", behind->name),
            "that is right if the added headers shall be signed; otherwise put sluice last", {});
    else
        add(Severity::low, "milter-order", listener.place,
            fmt::format("{} stands behind sluice", decides->name),
            "what it refuses or puts off has been counted, stored or dropped by sluice before",
            {"# sluice as the last of the filters"});
}

void MilterRules::listener(const Listener& listener) {
    // a listener of this machine without milters takes mail back from a content filter
    if (listener.bypassed) {
        if (!listener.loopback)
            bypassed(listener);
        return;
    }
    const std::size_t position = positionOfSluice(listener);
    if (position < listener.milters.size()) {
        use(listener, listener.milters[position]);
        order(listener, position);
    } else if (!listener.loopback || !listener.ownMilters) {
        absent(listener);
    }
}

void MilterRules::look() {
    for (const Listener& each : mta_.listeners)
        listener(each);
    if (review_.sluice.observes)
        findings_.push_back({Severity::info,
                             "observe-mode",
                             {review_.sluice.file, 0},
                             "sluice only observes (mode = observe)",
                             "it logs what it would do, and lets all mail pass",
                             {},
                             {"mode = enforce"},
                             review_.sluice.file});
}

} // namespace

std::string socketForPostfix(const Review& review) {
    const Endpoint& socket = review.sluice.socket;
    if (socket.path.empty()) {
        const bool v6 = socket.host.find(':') != std::string::npos;
        return fmt::format("inet:{}:{}", v6 ? '[' + socket.host + ']' : socket.host, socket.port);
    }
    const std::string queue = review.mta.queueDirectory + '/';
    return "unix:" +
           (socket.path.starts_with(queue) ? socket.path.substr(queue.size()) : socket.path);
}

void reviewMilters(const Review& review, Findings& findings) {
    MilterRules(review, findings).look();
}

} // namespace sluice::ctl::audit
