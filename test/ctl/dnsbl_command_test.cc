// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/dnsbl_command.hh"
#include "test/support/dns_stub.hh"
#include "test/support/fake_filter.hh"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <sysexits.h>

#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

using namespace sluice;
using nlohmann::json;
using test::DnsReply;
using test::DnsStub;
using Kind = DnsReply::Kind;

namespace {

struct Ran {
    int status;
    std::string out;
    std::string err;
};

Ran run(const std::vector<std::string>& arguments) {
    std::ostringstream out;
    std::ostringstream err;
    const int status = ctl::dnsblCommand.run(arguments, out, err);
    return {status, out.str(), err.str()};
}

constexpr std::string_view mapped =
    ".0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.";

/// Lists by their zone, with the dot: what they say to each name in front of it.
class Lists {
public:
    using Zone = std::map<std::string, DnsReply>;

    /// With the test entries of RFC 5782 for IPv4.
    void add(const std::string& zone, Zone entries) {
        entries.emplace("2.0.0.127.", listed(0x7f000002));
        zones_.emplace(zone + '.', std::move(entries));
    }
    void addAsIs(const std::string& zone, Zone entries) {
        zones_.emplace(zone + '.', std::move(entries));
    }
    static DnsReply listed(std::uint32_t code) { return {Kind::addresses, {code}, 300, 0}; }

    DnsReply operator()(const std::string& name) const {
        for (const auto& [zone, entries] : zones_)
            if (name.ends_with(zone)) {
                const auto found = entries.find(name.substr(0, name.size() - zone.size()));
                return found == entries.end() ? DnsReply{} : found->second;
            }
        return {Kind::refused, {}, 0, 0};
    }

private:
    std::map<std::string, Zone> zones_;
};

/// A filter with this configuration, which asks the stub.
std::string scriptFor(const DnsStub& stub, const std::string& settings) {
    return "cat <<'END'\n" + settings + "resolver = " + stub.address() +
           "  # f:9\ndns-timeout = 300ms  # default\nEND\n";
}

json parsed(const Ran& ran, int status) {
    REQUIRE_MESSAGE(ran.status == status, ran.err << ran.out);
    return json::parse(ran.out);
}

} // namespace

TEST_CASE("dnsbl test: words and settings that are wrong") {
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {}, {"tst"}, {"test", "192.0.2"}, {"test", "--zone"}})
        CHECK(run(words).status == EX_USAGE);
    const Ran zone = run({"test", "--zone", "not a zone"});
    CHECK(zone.status == EX_CONFIG);
    CHECK(zone.err.starts_with("sluicectl dnsbl: --zone: "));
    {
        const test::FakeFilter filter("echo 'f:1: bad' >&2; exit 78");
        CHECK(run({"test"}).status == EX_CONFIG);
        CHECK(run({"test"}).err == "sluicectl dnsbl: f:1: bad\n");
    }
    const test::FakeFilter filter("echo 'mode = observe  # default'");
    CHECK(run({"test"}).err == "sluicectl dnsbl: there is no dnsbl rule\n");
}

TEST_CASE("dnsbl test: codes, their meaning, and the rule that decides") {
    Lists lists;
    lists.add("bl.example", {{"4.2.0.192.", {Kind::addresses, {0x7f000003, 0x7ffffffe}, 300, 0}},
                             {"5.2.0.192.", Lists::listed(0x7f000009)},
                             {"6.2.0.192.", {Kind::silence, {}, 0, 0}},
                             {"2" + std::string(mapped), Lists::listed(0x7f000002)}});
    lists.add("secret-key.paid.example", {{"4.2.0.192.", Lists::listed(0x7f000002)}});
    DnsStub stub(lists);
    const test::FakeFilter filter(scriptFor(
        stub, "dnsbl = spam bl.example match=codes:127.0.0.3 errors=127.0.0.9 # f:1\n"
              "dnsbl = paid secret-key.paid.example provider=paid.example ipv6=no  # f:2\n"));
    const json report = parsed(
        run({"test", "192.0.2.4", "192.0.2.5", "192.0.2.6", "2001:db8::1", "192.0.2.9", "--json"}),
        EX_OK);
    const json& zones = report["zones"];
    REQUIRE(zones.size() == 2);
    CHECK(zones[0]["zone"] == "bl.example");
    CHECK(zones[0]["rules"] == json{"spam"});
    CHECK(zones[0]["self_tests"][0]["result"] == "passed");
    CHECK(zones[0]["self_tests"][1]["family"] == "IPv6");
    CHECK(zones[0]["self_tests"][1]["result"] == "passed");
    const std::vector<std::string> meanings{"listed", "provider error", "unknown", "not listed",
                                            "not listed"};
    for (std::size_t i = 0; i < meanings.size(); ++i)
        CHECK(zones[0]["answers"][i]["meaning"] == meanings[i]);
    CHECK(zones[0]["answers"][0]["codes"][1] ==
          json{{"code", "127.255.255.254"}, {"provider_error", true}});
    CHECK(zones[0]["answers"][2]["milliseconds"] >= 300);
    CHECK(zones[0]["answers"][2]["why"] == "no answer in time");
    CHECK(zones[1]["zone"] == "paid.example");
    CHECK(zones[1]["self_tests"].size() == 1);
    CHECK(zones[1]["answers"].size() == 4);
    const json& decided = report["addresses"];
    CHECK(decided[0]["outcome"] == "reject");
    CHECK(decided[0]["rule"] == "spam");
    CHECK(decided[0]["reply"] == "550 5.7.1 192.0.2.4 has been blocked by spam");
    CHECK(decided[1]["outcome"] == "pass");
    CHECK(decided[1]["unknown"] == json{"spam"});
    CHECK(decided[4]["unknown"].empty());
    const Ran text = run({"test", "192.0.2.4"});
    CHECK(
        text.out.find("192.0.2.4          listed: 127.0.0.3, 127.255.255.254 (provider error), ") !=
        std::string::npos);
    CHECK(text.out.ends_with(
        "192.0.2.4: refused by spam: 550 5.7.1 192.0.2.4 has been blocked by spam\n"));
    CHECK(text.out.find("secret-key") == std::string::npos);
}

TEST_CASE("dnsbl test: lists that fail their test match nothing, as in the filter") {
    Lists lists;
    lists.add("world.example", {{"1.0.0.127.", Lists::listed(0x7f000002)},
                                {"4.2.0.192.", Lists::listed(0x7f000002)}});
    lists.addAsIs("empty.example", {});
    lists.addAsIs("broken.example", {{"2.0.0.127.", {Kind::serverFailure, {}, 0, 0}},
                                     {"1.0.0.127.", {Kind::serverFailure, {}, 0, 0}}});
    DnsStub stub(lists);
    const std::string rules = "dnsbl = world world.example ipv6=no  # f:1\n";
    {
        const test::FakeFilter filter(scriptFor(stub, rules));
        const json report = parsed(run({"test", "192.0.2.4", "--json"}), EX_UNAVAILABLE);
        CHECK(report["zones"][0]["self_tests"][0]["result"] == "lists the world");
        CHECK(report["addresses"][0]["outcome"] == "pass");
    }
    {
        const test::FakeFilter filter(scriptFor(stub, rules + "dnsbl-self-test = no  # f:2\n"));
        const json report = parsed(run({"test", "192.0.2.4", "--json"}), EX_UNAVAILABLE);
        CHECK(report["addresses"][0]["rule"] == "world");
    }
    const test::FakeFilter filter(scriptFor(stub, rules));
    for (const auto& [zone, result] :
         {std::pair{"empty.example", "missing"}, std::pair{"broken.example", "inconclusive"}}) {
        const json report =
            parsed(run({"test", "--zone", zone, "--config", "f", "--json"}), EX_UNAVAILABLE);
        REQUIRE(report["zones"].size() == 1);
        CHECK(report["zones"][0]["self_tests"][0]["result"] == result);
    }
}
