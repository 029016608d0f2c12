// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/audit/audit_report.hh"
#include "milter/ctl/audit/rules.hh"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

using namespace sluice;
using namespace sluice::ctl::audit;

namespace {

struct Site {
    MtaFacts mta;
    SluiceSettings sluice;

    void alias(const std::string& name, const std::vector<std::string>& members,
               Alias::Source source = Alias::Source::local) {
        Alias alias;
        alias.source = source;
        alias.name = MailAddress::fromPath(name);
        for (const std::string& member : members)
            alias.members.push_back({MailAddress::fromPath(member), false});
        alias.place = {"/aliases", mta.aliases.size() + 1};
        mta.aliases.push_back(std::move(alias));
    }
    void virtualAlias(const std::string& name, const std::vector<std::string>& members) {
        alias(name, members, Alias::Source::virtualTable);
    }
    void drop(const std::string& name) {
        auto& all = mta.aliases;
        all.erase(std::remove_if(all.begin(), all.end(),
                                 [&](const Alias& each) { return each.name.local() == name; }),
                  all.end());
    }
    ListEntry& list(const std::string& address, ReturnPath mode) {
        ListEntry entry;
        entry.address = MailAddress::fromPath(address);
        entry.returnPath = mode;
        entry.place = {"/sluice.conf", sluice.lists.size() + 1};
        sluice.lists.push_back(std::move(entry));
        return sluice.lists.back();
    }
};

MilterUse milter(const std::string& endpoint) {
    return {endpoint,
            parseEndpoint(endpoint),
            MilterUse::WhenAway::tempfail,
            std::chrono::seconds(10),
            std::chrono::seconds(30),
            std::chrono::seconds(300),
            {"/main.cf", 5}};
}

Site clean() {
    Site site;
    site.mta.source = "/etc/postfix";
    site.mta.hostName = "mx.x.example";
    site.mta.origin = "x.example";
    site.mta.queueDirectory = "/q";
    site.mta.extensions = true;
    site.mta.local.add("x.example");
    site.mta.local.add("localhost");
    site.mta.virtualAlias.add("l.example");
    site.mta.hopLimit = {50, {}};
    site.mta.filtersReports = false;
    site.alias("postmaster", {"root"});
    site.alias("root", {"anna", "ben"});
    site.alias("staff", {"anna", "ben", "carl@y.example"});
    site.alias("owner-staff", {"anna"});
    site.virtualAlias("news@l.example", {"anna", "dora@y.example"});
    site.virtualAlias("news-bounces@l.example", {"anna"});
    Listener smtp;
    smtp.name = "smtp";
    smtp.place = {"/main.cf", 5};
    smtp.ownMilters = false;
    smtp.milters = {milter("inet:11332@localhost"), milter("unix:/q/s.sock")};
    site.mta.listeners.push_back(smtp);
    site.sluice.file = "/sluice.conf";
    site.sluice.socketText = "unix:/q/s.sock";
    site.sluice.socket = parseEndpoint(site.sluice.socketText);
    site.sluice.hasKeys = true;
    site.list("staff@x.example", ReturnPath::delegate).closed = true;
    ListEntry& news = site.list("news@l.example", ReturnPath::signedAddress);
    news.closed = true;
    news.bouncesTo = MailAddress::fromPath("anna@x.example");
    return site;
}

/// "severity code" of all findings, the worst first.
std::string review(Site& site) {
    site.sluice.index();
    const Review review(site.mta, site.sluice);
    std::string found;
    for (const Finding& finding : reviewAll(review))
        found.append(found.empty() ? "" : ", ")
            .append(nameOf(finding.severity))
            .append(1, ' ')
            .append(finding.code);
    return found;
}

struct Row {
    std::string name;
    std::function<void(Site&)> plant;
    std::string found;
};

void check(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        CAPTURE(row.name);
        Site site = clean();
        row.plant(site);
        CHECK(review(site) == row.found);
    }
}

} // namespace

TEST_CASE("faults of lists") {
    check({
        {"unknown, with members outside",
         [](Site& site) {
             site.alias("club", {"anna", "eve@y.example"});
         },
         "high list-unknown"},
        {"unknown, owner is a person",
         [](Site& site) {
             site.alias("club", {"anna", "eve@y.example"});
             site.alias("owner-club", {"ben"});
         },
         "medium list-unknown"},
        {"unknown, all of this site",
         [](Site& site) {
             site.alias("club", {"anna", "ben"});
         },
         "low list-unknown"},
        {"unknown by one of two domains", [](Site& site) { site.mta.local.add("z.example"); },
         "medium list-other-name"},
        {"unknown by the name of the host", [](Site& site) { site.mta.local.add("mx.x.example"); },
         "low host-name-domain"},
        {"reached by another alias", [](Site& site) { site.alias("everyone", {"staff"}); },
         "medium list-other-name"},
        {"reached by a virtual alias",
         [](Site& site) { site.virtualAlias("staff@l.example", {"staff@x.example"}); },
         "medium list-other-name"},
        {"owner is the list",
         [](Site& site) {
             site.drop("owner-staff");
             site.alias("owner-staff", {"staff"});
         },
         "high owner-loop"},
        {"owner leads back through others",
         [](Site& site) {
             site.drop("owner-staff");
             site.alias("owner-staff", {"chiefs"});
             site.alias("chiefs", {"anna", "staff"});
         },
         "high owner-loop, high list-unknown, medium list-nested"},
        {"no owner", [](Site& site) { site.drop("owner-staff"); }, "high owner-missing"},
        {"the return path is undone by an owner",
         [](Site& site) {
             site.sluice.lists[0].returnPath = ReturnPath::owner;
             site.sluice.lists[0].returnTo = MailAddress::fromPath("anna@x.example");
         },
         "medium return-path-undone"},
        {"a virtual list has no owner",
         [](Site& site) { site.sluice.lists[1].returnPath = ReturnPath::delegate; },
         "low list-reports-to-author"},
        {"open, and keeps its author",
         [](Site& site) {
             site.sluice.lists[1].returnPath = ReturnPath::keep;
             site.sluice.lists[1].closed = false;
         },
         "medium list-reports-to-author, medium list-open"},
        {"misspelt", [](Site& site) { site.list("sraff@x.example", ReturnPath::null); },
         "low list-not-found"},
        {"a closed list inside an open one",
         [](Site& site) {
             site.alias("all", {"staff", "dora"});
             site.list("all@x.example", ReturnPath::null);
         },
         "medium list-nested, info list-open"},
    });
}

TEST_CASE("what is no fault of lists") {
    check({
        {"nothing", [](Site&) {}, ""},
        {"several people read what is for a role",
         [](Site& site) {
             site.alias("abuse", {"anna", "ben"});
             site.alias("staff-request", {"anna", "ben"});
         },
         ""},
        {"several people read the reports",
         [](Site& site) {
             site.alias("team", {"anna", "ben"});
             site.sluice.lists[1].bouncesTo = MailAddress::fromPath("team@x.example");
         },
         ""},
        {"who forwards mail keeps a copy",
         [](Site& site) {
             site.alias("ben", {"ben", "ben@home.example"});
         },
         ""},
        {"a virtual alias that stands for itself",
         [](Site& site) { site.virtualAlias("anna@x.example", {"anna@x.example"}); }, ""},
        {"an open list with a return path of its own is only remarked on",
         [](Site& site) { site.sluice.lists[1].closed = false; }, "info list-open"},
        {"an owner that leads back and is a list of sluice",
         [](Site& site) {
             site.drop("owner-staff");
             site.alias("owner-staff", {"staff"});
             site.list("owner-staff@x.example", ReturnPath::delegate);
             site.mta.filtersReports = true;
             site.mta.localMailMilters = {milter("unix:/q/s.sock")};
         },
         ""},
        {"a list in a table that was not read",
         [](Site& site) {
             site.mta.aliasesComplete = false;
             site.list("ldap@x.example", ReturnPath::null);
         },
         ""},
        {"names that mail from elsewhere does not use",
         [](Site& site) {
             site.mta.local.add("localhost.x.example");
             site.mta.local.add("mx");
             site.mta.local.add("[192.0.2.1]");
         },
         ""},
    });
}

TEST_CASE("faults on the way of reports") {
    check({
        {"bounces-to is a list",
         [](Site& site) {
             site.sluice.lists[1].bouncesTo = MailAddress::fromPath("help@x.example");
             site.alias("help", {"staff"});
         },
         "high reports-to-list, medium list-other-name"},
        {"the bounce mailbox is the list",
         [](Site& site) {
             site.drop("news-bounces");
             site.virtualAlias("news-bounces@l.example", {"news@l.example"});
         },
         "high reports-to-list, medium list-other-name"},
        {"no bounce mailbox", [](Site& site) { site.drop("news-bounces"); }, "high bounce-mailbox"},
        {"no domain for bounces", [](Site& site) { site.sluice.bounceDomain = "b.example"; },
         "high bounce-domain"},
        {"a relayed domain for bounces",
         [](Site& site) {
             site.sluice.bounceDomain = "b.relay.example";
             site.mta.relay.andBelow = true;
             site.mta.relay.add("relay.example");
         },
         ""},
        {"a domain for bounces in a table that was not read",
         [](Site& site) {
             site.sluice.bounceDomain = "b.example";
             site.mta.relay.complete = false;
         },
         ""},
        {"no extensions", [](Site& site) { site.mta.extensions = false; },
         "high recipient-delimiter"},
        {"aliases in a circle",
         [](Site& site) {
             site.alias("a", {"b"});
             site.alias("b", {"c"});
             site.alias("c", {"a"});
         },
         "medium alias-loop"},
        {"own reports go to a robot",
         [](Site& site) { site.sluice.robots = {MailAddress::fromPath("desk@x.example")}; },
         "medium own-reports-unfiltered"},
        {"own reports go to a list by its owner",
         [](Site& site) {
             site.drop("owner-staff");
             site.alias("owner-staff", {"staff"});
             const auto anna = MailAddress::fromPath("anna@x.example");
             site.list("owner-staff@x.example", ReturnPath::delegate).bouncesTo = anna;
             site.sluice.lists[0].bouncesTo = anna;
         },
         "medium own-reports-unfiltered"},
        {"own reports go to another filter",
         [](Site& site) {
             site.mta.filtersReports = true;
             site.mta.localMailMilters = {milter("inet:11332@localhost")};
         },
         "medium non-smtpd-milters"},
    });
}

TEST_CASE("faults of milters and settings") {
    check({
        {"not called", [](Site& site) { site.mta.listeners[0].milters.pop_back(); },
         "high milter-missing"},
        {"not called by one",
         [](Site& site) {
             site.mta.listeners.push_back(
                 {"587", {"/master.cf", 2}, false, false, false, true, {}});
         },
         "medium milter-missing"},
        {"not called by the way back from a content filter",
         [](Site& site) {
             site.mta.listeners.push_back({"127.0.0.1:10025", {}, true, false, false, true, {}});
             site.mta.listeners.push_back({"127.0.0.1:10026", {}, true, false, true, false, {}});
         },
         ""},
        {"switched off", [](Site& site) { site.mta.listeners[0].bypassed = true; },
         "high milter-bypassed"},
        {"out of reach",
         [](Site& site) {
             site.mta.listeners[0].chroot = true;
             site.sluice.socket.path = "/run/s.sock";
             site.mta.listeners[0].milters[1] = milter("unix:/run/s.sock");
         },
         "high milter-chroot"},
        {"as seen from a chroot",
         [](Site& site) {
             site.mta.listeners[0].chroot = true;
             site.mta.listeners[0].milters[1] = milter("unix:/s.sock");
         },
         ""},
        {"accept",
         [](Site& site) {
             site.mta.listeners[0].milters[1].whenAway = MilterUse::WhenAway::accept;
         },
         "medium milter-default-action"},
        {"quarantine",
         [](Site& site) {
             site.mta.listeners[0].milters[1].whenAway = MilterUse::WhenAway::quarantine;
         },
         "low milter-default-action"},
        {"time-outs",
         [](Site& site) {
             MilterUse& use = site.mta.listeners[0].milters[1];
             use.command = std::chrono::seconds(2);
             use.connect = std::chrono::seconds(61);
             use.content = std::chrono::seconds(9);
         },
         "medium milter-timeouts, low milter-timeouts, low milter-timeouts"},
        {"not the last",
         [](Site& site) {
             site.mta.listeners[0].milters.push_back(milter("unix:/opendmarc.sock"));
         },
         "low milter-order"},
        {"in front of who signs",
         [](Site& site) { site.mta.listeners[0].milters.push_back(milter("unix:/opendkim.sock")); },
         "info milter-order"},
        {"too many hops", [](Site& site) { site.mta.hopLimit.value = 101; }, "low hop-limit"},
        {"too few hops", [](Site& site) { site.mta.hopLimit.value = 9; }, "low hop-limit"},
        {"original recipient", [](Site& site) { site.mta.keepsOriginalRecipient = false; },
         "medium original-recipient"},
        {"short queue ids",
         [](Site& site) {
             site.mta.longQueueIds = false;
             site.sluice.tracks = true;
         },
         "info short-queue-ids"},
        {"observe", [](Site& site) { site.sluice.observes = true; }, "info observe-mode"},
    });
}

TEST_CASE("long chains and wide circles of aliases end") {
    Site site = clean();
    constexpr int length = 20'000;
    for (int i = 0; i < length; ++i)
        site.alias("c" + std::to_string(i), {"c" + std::to_string(i + 1)});
    std::vector<std::string> all;
    for (int i = 0; i < 60; ++i)
        all.push_back("w" + std::to_string(i));
    for (const std::string& name : all)
        site.alias(name, all);
    const std::string found = review(site);
    std::size_t circles = 0;
    for (std::size_t at = 0; (at = found.find("alias-loop", at)) != std::string::npos; ++at)
        ++circles;
    CHECK(circles == 20);
}

TEST_CASE("what is shown is fit for a terminal, and whole for programs") {
    Site site = clean();
    site.alias("club\x1B[31m", {"anna", "eve\xFF@y.example"});
    site.sluice.index();
    const Review review(site.mta, site.sluice);
    const Findings findings = reviewAll(review);
    std::ostringstream text;
    showText(review, findings, text);
    CHECK(text.str().find('\x1B') == std::string::npos);
    CHECK(text.str().find("high list-unknown: /aliases:7\n") == 0);
    CHECK(text.str().find("Conditions: open-to-outsiders, external-members, "
                          "reports-to-the-author.") != std::string::npos);
    CHECK(text.str().ends_with("3 lists, 1 listener, 1 finding: 1 high\n"));
    std::ostringstream json;
    showJson(review, findings, json);
    const auto object = nlohmann::json::parse(json.str());
    CHECK(object["findings"][0]["code"] == "list-unknown");
    CHECK(object["findings"][0]["line"] == 7);
    CHECK(object["findings"][0]["mend_file"] == "/sluice.conf");
}
