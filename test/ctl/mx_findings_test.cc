// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/mx_findings.hh"

#include <doctest/doctest.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

using namespace sluice;
using ctl::findingsOn;

namespace {

using End = SmtpStep::End;
using Status = LookUp::Status;
using namespace std::chrono_literals;

SmtpStep broken(End end, int error = 0) {
    SmtpStep step;
    step.end = end;
    step.error = error;
    step.took = 1500ms;
    return step;
}

SmtpStep begun(End end, SmtpAnswer answer) {
    SmtpStep step = broken(end);
    step.begun = true;
    step.answer = std::move(answer);
    return step;
}

SmtpStep said(int code, std::vector<std::string> lines) {
    return begun(End::done, {code, std::move(lines)});
}

const SmtpStep connected = broken(End::done);
const SmtpStep greeting = said(220, {"mx.example ESMTP"});
const SmtpStep accepted = said(250, {"mx.example", "SIZE", "XCLIENT NAME"});

/// `KIND: TEXT` of each; a note has its kind in brackets.
std::string written(const std::vector<ctl::MxFinding>& findings) {
    std::string text;
    for (const ctl::MxFinding& finding : findings) {
        const std::string kind(finding.kind);
        text += (text.empty() ? "" : "; ") + (finding.trouble ? kind : "[" + kind + "]") + ": " +
                finding.text;
    }
    return text;
}

LookUp lookUp(Status status) {
    return {status, status == Status::failed ? "SERVFAIL" : "", 1ms};
}

MailExchanger host(Status v4, Status v6, std::size_t addresses) {
    MailExchanger exchanger;
    exchanger.name = "mx.example";
    exchanger.record = MxRecord{10, MxRecord::Target::host, exchanger.name};
    exchanger.v4 = lookUp(v4);
    exchanger.v6 = lookUp(v6);
    for (std::size_t i = 0; i < addresses; ++i)
        exchanger.addresses.push_back(IpAddress::v4(static_cast<std::uint32_t>(i)));
    return exchanger;
}

} // namespace

TEST_CASE("servers: what is wrong with each, hostile ones first") {
    struct Row {
        SmtpProbe probe;
        std::string expected;
        bool takesMail = false;
    };
    const std::string stars(30, '*');
    const Row rows[] = {
        {{connected, begun(End::noSmtp, {0, {"\x1B]0;\x07"}}), {}, {}},
         "no-smtp: no SMTP in its banner: \"\\x1B]0;\\x07\""},
        {{connected, begun(End::tooLong, {}), {}, {}}, "no-smtp: no SMTP: its banner does not end"},
        {{connected, said(554, {"\x1B[31m no\n"}), {}, {}},
         "refuses: refuses with 554 \\x1B[31m no\\x0A"},
        {{connected, said(421, {"one", "busy"}), {}, {}}, "refuses: refuses with 421 busy"},
        {{connected, said(250, {"hello"}), {}, {}}, "no-smtp: greets with 250 hello"},
        {{connected, greeting, begun(End::noSmtp, {250, {"a", "\xFF"}}), {}},
         "no-smtp: no SMTP in its answer to EHLO: \"\\xFF\""},
        {{{}, {}, {}, {}}, "[not-tried]: not tried"},
        {{broken(End::failed, ENETUNREACH), {}, {}, {}},
         "[not-tried]: cannot be tried from here: Network is unreachable"},
        {{broken(End::failed, EMFILE), {}, {}, {}},
         "[not-tried]: cannot be tried from here: Too many open files"},
        {{broken(End::failed, ECONNREFUSED), {}, {}, {}},
         "no-answer: does not answer: Connection refused"},
        {{broken(End::failed, EHOSTUNREACH), {}, {}, {}},
         "no-answer: does not answer: No route to host"},
        {{broken(End::failed, ETIMEDOUT), {}, {}, {}},
         "no-answer: does not answer: no handshake in 1.5 s"},
        {{broken(End::timedOut), {}, {}, {}}, "no-answer: does not answer: no handshake in 1.5 s"},
        {{connected, broken(End::timedOut), {}, {}}, "no-banner: handshake but no banner in 1.5 s"},
        {{connected, begun(End::timedOut, {220, {"mx"}}), {}, {}},
         "no-banner: no end of the banner in 1.5 s"},
        {{connected, broken(End::closed), {}, {}},
         "no-banner: connection closed without a whole banner"},
        {{connected, broken(End::failed, ETIMEDOUT), {}, {}},
         "no-banner: no banner: Connection timed out"},
        {{connected, said(220, {stars + "2" + stars}), accepted, {}},
         "masked-banner: banner masked by a firewall (220 " + stars + "2" + stars + ")",
         true},
        {{connected, said(220, {stars}), said(500, {"what?"}), said(250, {"mx"})},
         "masked-banner: banner masked by a firewall (220 " + stars + "); " +
             "ehlo-refused: EHLO refused with 500 what?, HELO works",
         true},
        {{connected, greeting, said(502, {"no"}), said(550, {"go"})},
         "ehlo-refused: EHLO refused with 502 no, and HELO too with 550 go"},
        {{connected, greeting, said(450, {"no"}), broken(End::timedOut)},
         "ehlo-refused: EHLO refused with 450 no, and no answer to HELO"},
        {{connected, greeting, said(421, {"bye"}), {}}, "ehlo-refused: EHLO refused with 421 bye"},
        {{connected, greeting, broken(End::closed), {}},
         "ehlo-refused: EHLO refused: it closes the connection"},
        {{connected, greeting, begun(End::closed, {250, {"mx"}}), {}},
         "no-ehlo-answer: connection closed without a whole answer to EHLO"},
        {{connected, greeting, broken(End::timedOut), {}},
         "no-ehlo-answer: no answer to EHLO in 1.5 s"},
        {{connected, greeting, said(250, {"mx", "SIZE", "XXXXXXXA"}), {}},
         "masked-extension: extension masked by a firewall (XXXXXXXA)",
         true},
        {{connected, greeting, accepted, {}}, "", true},
    };
    for (const Row& row : rows) {
        CAPTURE(row.expected);
        CHECK(written(findingsOn(row.probe)) == row.expected);
        CHECK(ctl::takesMail(row.probe) == row.takesMail);
    }
    CHECK(ctl::textOf({}) == "ok");
}

TEST_CASE("banners: those that a firewall has written over, and others") {
    struct Row {
        SmtpAnswer banner;
        bool masked;
    };
    const Row rows[] = {
        {{}, false},
        {{220, {}}, false},
        {{220, {""}}, false},
        {{220, {"**"}}, false},
        {{220, {"2002"}}, false},
        {{554, {"*****"}}, false},
        {{220, {"***** Welcome *****"}}, false},
        {{220, {"mx.example ESMTP ***"}}, false},
        {{220, {"*****\x80"}}, false},
        {{220, {"***"}}, true},
        {{220, {"****************0*2******0***********2002****2******0*00"}}, true},
        {{220, {"*** ***", "mx.example"}}, true},
    };
    for (const Row& row : rows) {
        CAPTURE(row.banner.lines.size());
        CHECK(ctl::isMaskedBanner(row.banner) == row.masked);
    }
}

TEST_CASE("extensions: those that a firewall has written over, and others") {
    struct Row {
        std::vector<std::string> lines;
        std::string masked;
    };
    const Row rows[] = {
        {{}, ""},
        {{"XXXXXXXA"}, ""}, // the name of the server
        {{"mx", ""}, ""},
        {{"mx", "XXA"}, ""},
        {{"mx", "XEXCH50"}, ""},
        {{"mx", "XCLIENT"}, ""},
        {{"mx", "XXXXXXX1"}, ""},
        {{"mx", "SIZE XXXXXXXA"}, ""},
        {{"mx", "SIZE", "XXXXXXXA", "XXXB"}, "XXXXXXXA"},
        {{"mx", "XXXB 10"}, "XXXB"},
        {{"mx", "XXXX"}, "XXXX"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.lines.size());
        CHECK(ctl::maskedExtension({250, row.lines}) == row.masked);
    }
}

TEST_CASE("names of MXs") {
    const auto named = [](MxRecord::Target target, std::string alias) {
        MailExchanger exchanger = host(Status::found, Status::noData, 1);
        exchanger.record->target = target;
        exchanger.canonicalName = std::move(alias);
        return exchanger;
    };
    MailExchanger domain = host(Status::found, Status::found, 1);
    domain.record.reset();
    domain.canonicalName = "other.example";
    MailExchanger many = host(Status::found, Status::found, 2);
    many.addressesLeftOut = 7;
    struct Row {
        MailExchanger exchanger;
        std::string expected;
    };
    const Row rows[] = {
        {named(MxRecord::Target::noName, ""), "mx-is-no-name: no name of a host"},
        {named(MxRecord::Target::address, ""), "mx-is-address: an IP address in place of a name"},
        {named(MxRecord::Target::host, "a\x1B.example"),
         "mx-is-alias: an alias (CNAME) of a\\x1B.example"},
        {host(Status::noName, Status::noName, 0), "no-address: there is no such name"},
        {host(Status::noData, Status::noData, 0), "no-address: it has no address"},
        {host(Status::failed, Status::noData, 0),
         "dns-trouble: DNS trouble, its addresses are unknown: SERVFAIL"},
        {host(Status::noData, Status::failed, 0),
         "dns-trouble: DNS trouble, its addresses are unknown: SERVFAIL"},
        {host(Status::found, Status::failed, 1),
         "dns-trouble: DNS trouble, its IPv6 addresses are unknown: SERVFAIL"},
        {host(Status::failed, Status::found, 1),
         "dns-trouble: DNS trouble, its IPv4 addresses are unknown: SERVFAIL"},
        {many, "[left-out]: 7 more addresses are left out"},
        {domain, ""}, // the domain itself may be an alias
        {host(Status::found, Status::noData, 1), ""},
    };
    for (const Row& row : rows) {
        CAPTURE(row.expected);
        CHECK(written(findingsOn(row.exchanger)) == row.expected);
    }
}

TEST_CASE("domains") {
    struct Row {
        Status mx;
        bool nullMx;
        std::size_t exchangers;
        std::size_t leftOut;
        std::string expected;
    };
    const Row rows[] = {
        {Status::failed, false, 0, 0, "dns-trouble: DNS trouble, its MXs are unknown: SERVFAIL"},
        {Status::noName, false, 0, 0, "no-such-domain: there is no such domain"},
        {Status::noData, false, 1, 0,
         "[no-mx]: no MX: mail goes to the address of the domain itself"},
        {Status::found, false, 0, 0, "dns-trouble: DNS trouble, its MX records cannot be read"},
        {Status::found, true, 0, 0, "null-mx: null MX: it takes no mail"},
        {Status::found, true, 1, 0, "null-mx: null MX beside others, which contradict it"},
        {Status::found, false, 2, 3, "[left-out]: 3 more MXs are left out"},
        {Status::found, false, 2, 0, ""},
    };
    for (const Row& row : rows) {
        CAPTURE(row.expected);
        MailRoute route;
        route.mx = lookUp(row.mx);
        route.nullMx = row.nullMx;
        route.exchangers.resize(row.exchangers);
        route.exchangersLeftOut = row.leftOut;
        CHECK(written(findingsOn(route)) == row.expected);
    }
}
