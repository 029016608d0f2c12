// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/mx_command.hh"
#include "milter/ctl/mx_options.hh"
#include "milter/ctl/mx_report.hh"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <sysexits.h>

#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace sluice;
using namespace std::chrono_literals;

namespace {

using Words = std::vector<std::string>;

ctl::MxServer server(std::uint32_t address, std::vector<ctl::MxFinding> findings = {}) {
    return {IpAddress::v4(address), {}, std::move(findings)};
}

/// One domain with one MX and these servers.
ctl::MxRound roundOf(std::vector<ctl::MxServer> servers,
                     LookUp::Status status = LookUp::Status::found) {
    ctl::MxHost host;
    host.exchanger.name = "mx.example";
    host.exchanger.record = MxRecord{10, MxRecord::Target::host, "mx.example"};
    host.servers = std::move(servers);
    ctl::MxDomain domain;
    domain.route.domain = "out.example";
    domain.route.mx.status = status;
    if (status == LookUp::Status::found)
        domain.hosts.push_back(std::move(host));
    else
        domain.findings = ctl::findingsOn(domain.route);
    ctl::MxRound made;
    made.domains.push_back(std::move(domain));
    return made;
}

} // namespace

TEST_CASE("mx: words that it does not take") {
    struct Row {
        Words words;
        std::string message;
    };
    const Row rows[] = {
        {{}, "a domain is missing"},
        {{"--json"}, "a domain is missing"},
        {{"--watch"}, "a domain is missing"},
        {{"--watch", "5s"}, "a domain is missing"},
        {{""}, "a domain is empty"},
        {{"a b.example"}, "is no domain"},
        {{"a\r\nQUIT.example"}, "\"a\\x0D\\x0AQUIT.example\" is no domain"},
        {{"user@out.example"}, "is no domain"},
        {{"192.0.2.1"}, "is an address and no domain"},
        {{"2001:db8::1"}, "is an address and no domain"},
        {{"[192.0.2.1]"}, "is an address and no domain"},
        {{"--xml", "out.example"}, "\"--xml\" is no option"},
        {{"-p", "out.example"}, "\"-p\" is no option"},
        {{"out.example", "--port"}, "--port needs a value"},
        {{"--port", "0", "out.example"}, "--port: \"0\" is no port"},
        {{"--port=65536", "out.example"}, "--port: \"65536\" is no port"},
        {{"--port", "-1", "out.example"}, "--port: \"-1\" is no port"},
        {{"--timeout", "15", "out.example"}, "--timeout: "},
        {{"--timeout", "1ms", "out.example"}, "--timeout: \"1ms\" is no time from 100ms to 5m"},
        {{"--timeout", "6m", "out.example"}, "--timeout: \"6m\" is no time from"},
        {{"--resolver", "ns.example", "out.example"}, "--resolver: "},
        {{"--resolver", "127.0.0.1@0", "out.example"}, "--resolver: \"0\" is no port"},
        {{"--resolver", "127.0.0.1@", "out.example"}, "--resolver: \"\" is no port"},
        {{"--from", "a\r\nMAIL", "out.example"}, "--from: "},
        {{"--from", "[a]", "out.example"}, "--from: "},
        {{"--from", "", "out.example"}, "--from: "},
        {{"--watch=soon", "out.example"}, "--watch: "},
        {{"--watch=500ms", "out.example"}, "--watch: \"500ms\" is no time from 1s to 1d"},
        {Words(101, "d"), ""}, // the same one each time
    };
    for (const Row& row : rows) {
        CAPTURE(row.message);
        const auto options = ctl::readMxOptions(row.words);
        if (row.message.empty())
            CHECK(options);
        else
            CHECK(options.error().message.find(row.message) != std::string::npos);
    }
    Words many;
    for (int i = 0; i < 101; ++i)
        many.push_back("d" + std::to_string(i));
    CHECK(ctl::readMxOptions(many).error().message == "more than 100 domains");
    std::ostringstream out;
    std::ostringstream err;
    CHECK(ctl::mxCommand.run({"--xml"}, out, err) == EX_USAGE);
    CHECK(err.str() == "sluicectl mx: \"--xml\" is no option (sluicectl mx --help tells more)\n");
}

TEST_CASE("mx: words that it takes") {
    const auto plain = ctl::readMxOptions({"Out.Example.", "out.example",
                                           "b\xC3\xBC"
                                           "cher.example"});
    REQUIRE(plain);
    CHECK(plain->domains == Words{"out.example", "xn--bcher-kva.example"});
    CHECK(plain->settings.smtp.port == 25);
    CHECK(plain->settings.smtp.timeout == 15s);
    CHECK(plain->settings.dns.timeout == 10s);
    CHECK(plain->settings.dns.resolver.source == ResolverSettings::Source::system);
    CHECK_FALSE(plain->settings.smtp.helo.empty());
    CHECK_FALSE(plain->watch);
    CHECK_FALSE(plain->json);

    const auto all = ctl::readMxOptions({"--json", "--port=2525", "--timeout", "5s", "--resolver",
                                         "127.0.0.1@53", "--resolver=::1", "--from", "Mx.Example",
                                         "--watch=2m", "--", "out.example"});
    REQUIRE(all);
    CHECK(all->json);
    CHECK(all->settings.smtp.port == 2525);
    CHECK(all->settings.smtp.timeout == 5s);
    CHECK(all->settings.dns.timeout == 5s);
    CHECK(all->settings.dns.resolver.servers == Words{"127.0.0.1@53", "::1"});
    CHECK(all->settings.smtp.helo == "mx.example");
    CHECK(all->watch == 2min);

    CHECK(ctl::readMxOptions({"--watch", "out.example"})->watch == 1min);
    CHECK(ctl::readMxOptions({"--watch", "5m", "out.example"})->watch == 5min);
    CHECK(ctl::readMxOptions({"out.example", "--watch"})->watch == 1min);
    CHECK(ctl::readMxOptions({"--from", "[IPv6:2001:db8::1]", "d"})->settings.smtp.helo ==
          "[IPv6:2001:db8::1]");
}

TEST_CASE("mx: only changes of kind are told, and what nobody knows has not gone") {
    const ctl::MxFinding busy{"refuses", true, "refuses with 421 busy"};
    const ctl::MxFinding busier{"refuses", true, "refuses with 450 busier"};
    const std::string first = "out.example mx.example 0.0.0.1: ";
    const std::string second = "out.example mx.example 0.0.0.2: ";
    ctl::MxChanges changes;
    CHECK(changes.take(roundOf({server(1), server(2, {busy})})) ==
          Words{first + "ok", second + "refuses with 421 busy"});
    CHECK(changes.take(roundOf({server(1), server(2, {busier})})).empty());
    CHECK(changes.take(roundOf({server(1), server(2)})) == Words{second + "ok"});
    CHECK(changes.take(roundOf({}, LookUp::Status::failed)) ==
          Words{"out.example: DNS trouble, its MXs are unknown: "});
    CHECK(changes.take(roundOf({server(1, {busy}), server(2)})) ==
          Words{"out.example: ok", first + "refuses with 421 busy"});
    CHECK(changes.take(roundOf({server(2)})) == Words{first + "no longer there"});
    CHECK(changes.take(roundOf({}, LookUp::Status::noName)) ==
          Words{"out.example: there is no such domain", "out.example mx.example: no longer there",
                second + "no longer there"});
}

TEST_CASE("mx: what servers said is shown so that it harms nobody") {
    ctl::MxServer hostile = server(1, {{"refuses", true, "refuses with 554 \\x1B[31m"}});
    hostile.probe.banner.end = SmtpStep::End::done;
    hostile.probe.banner.answer = {554, {"\x1B[31m\xFF"}};
    ctl::MxRound made = roundOf({hostile});
    made.domains[0].hosts[0].exchanger.name = "m\x1B";
    made.domains[0].servers = 1;
    std::ostringstream table;
    showMx(made, table);
    CHECK(table.str() ==
          "out.example: 0 of 1 servers take mail; DNS 0 ms\n"
          "  PREF  MX     ADDRESS  CONNECT  BANNER  EHLO  STATE\n"
          "    10  m\\x1B  0.0.0.1        -    0 ms     -  refuses with 554 \\x1B[31m\n");
    std::ostringstream line;
    showMxJson(made, line);
    CHECK(line.str().find('\x1B') == std::string::npos);
    CHECK(line.str().find('\n') == line.str().size() - 1);
    const auto object = nlohmann::json::parse(line.str());
    const auto& shown = object.at("domains").at(0).at("exchangers").at(0).at("servers").at(0);
    CHECK(shown.at("banner").at("code") == 554);
    CHECK(shown.at("findings").at(0).at("kind") == "refuses");
}
