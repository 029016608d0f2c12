// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/dnsbl_command.hh"

#include "common/duration.hh"
#include "common/text.hh"
#include "common/words.hh"
#include "milter/adapters/resolver_unbound.hh"
#include "milter/ctl/daemon_config.hh"
#include "milter/ctl/dnsbl_questions.hh"
#include "milter/ctl/dnsbl_show.hh"
#include "milter/ctl/usage.hh"

#include <fmt/ostream.h>
#include <sysexits.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

namespace sluice::ctl {
namespace {

constexpr std::size_t longestRuleName = 64;

/// What of the filter's configuration the test goes by.
struct Setup {
    DnsblRules rules;
    ResolverSettings resolver;
    bool selfTest = true; ///< a list that fails it is suspended
};

Result<void> addRule(DnsblRules::Builder& builder, std::string_view text) {
    auto rule = parseDnsblRule(text);
    if (!rule)
        return tl::unexpected(rule.error());
    return builder.add(*std::move(rule));
}

/// A rule for a list that is named on the command line.
Result<void> addZone(DnsblRules::Builder& builder, const std::string& zone) {
    const std::string name = zone.substr(0, longestRuleName);
    return addRule(builder, quoteWord(name) + ' ' + quoteWord(zone));
}

/// The configuration is valid: what it says need not be looked at again.
Result<void> readResolver(const DaemonConfig& config, ResolverSettings& resolver) {
    using Source = ResolverSettings::Source;
    const auto values = config.allValues("resolver");
    if (!values)
        return tl::unexpected(values.error());
    for (const DaemonConfig::Value& value : *values) {
        const std::string text = unquoteWord(value.text);
        if (text == "system" || text == "recursive") {
            resolver.source = text == "system" ? Source::system : Source::recursive;
            continue;
        }
        resolver.source = Source::servers;
        resolver.servers.push_back(text);
    }
    if (const auto timeout = parseDuration(config.word("dns-timeout")))
        resolver.timeout = *timeout;
    return {};
}

Result<void> readRules(const DaemonConfig& config, DnsblRules::Builder& builder) {
    const auto values = config.allValues("dnsbl");
    if (!values)
        return tl::unexpected(values.error());
    for (const DaemonConfig::Value& value : *values)
        if (auto added = addRule(builder, value.text); !added)
            return fail(escapeForDisplay(value.origin) + ": " + added.error().message);
    return {};
}

/// With lists on the command line the configuration is not needed, and may be missing.
Result<Setup> setupFor(const GivenWords& given) {
    Setup setup;
    DnsblRules::Builder builder;
    const auto zones = given.values("--zone");
    for (const std::string& zone : zones)
        if (auto added = addZone(builder, zone); !added)
            return fail("--zone: " + added.error().message);
    if (zones.empty() || given.has("--config")) {
        const std::string file =
            given.has("--config") ? given.value("--config") : std::string(usualConfig);
        const auto config = readDaemonConfig(file);
        if (!config)
            return tl::unexpected(config.error());
        auto read = readResolver(*config, setup.resolver);
        if (read && zones.empty())
            read = readRules(*config, builder);
        if (!read)
            return tl::unexpected(read.error());
        setup.selfTest = config->word("dnsbl-self-test") != "no";
    }
    setup.rules = builder.build();
    if (setup.rules.empty())
        return fail("there is no dnsbl rule");
    return setup;
}

/// The answers as the filter would have them for one client.
class Answers : public DnsblAnswers {
public:
    Answers(const std::vector<DnsblZoneFindings>& findings, std::size_t address, IpFamily family,
            bool selfTest)
        : findings_(findings), address_(address), family_(family), selfTest_(selfTest) {}

    DnsblAnswer answer(std::size_t zone) override {
        const DnsblZoneFindings& found = findings_.at(zone);
        if (selfTest_)
            for (const DnsblTest& test : found.tests)
                if (test.family == family_ && test.result.failed())
                    return {DnsblAnswer::Status::suspended, {}};
        const auto& finding = found.addresses.at(address_);
        return finding ? finding->answer : DnsblAnswer{};
    }

private:
    const std::vector<DnsblZoneFindings>& findings_;
    const std::size_t address_;
    const IpFamily family_;
    const bool selfTest_;
};

Result<std::vector<IpAddress>> addressesIn(const std::vector<std::string>& words) {
    std::vector<IpAddress> addresses;
    for (const std::string& word : words) {
        const auto address = IpAddress::parse(word);
        if (!address)
            return tl::unexpected(address.error());
        addresses.push_back(*address);
    }
    return addresses;
}

int runTest(const GivenWords& given, const std::vector<IpAddress>& addresses, const Setup& setup,
            std::ostream& out, std::ostream& err) {
    const auto resolver = makeUnboundResolver(setup.resolver);
    if (!resolver) {
        fmt::print(err, "sluicectl dnsbl: {}\n", resolver.error().message);
        return EX_OSERR;
    }
    const auto findings =
        askLists(**resolver, setup.rules.zones(), addresses, setup.resolver.timeout);
    std::vector<DnsblDecision> decisions;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        Answers answers(findings, i, addresses[i].family(), setup.selfTest);
        decisions.push_back(evaluate(setup.rules, addresses[i], answers));
    }
    const DnsblReport report{setup.rules, findings, addresses, decisions};
    if (given.has("--json"))
        showDnsblJson(report, out);
    else
        showDnsbl(report, out);
    const bool bad = std::any_of(findings.begin(), findings.end(), [](const auto& zone) {
        return std::any_of(zone.tests.begin(), zone.tests.end(),
                           [](const DnsblTest& test) { return test.bad(); });
    });
    return bad ? EX_UNAVAILABLE : EX_OK;
}

int runDnsbl(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    const auto given = givenWords(dnsblCommand.usage, arguments);
    if (!given)
        return usageError("dnsbl", given.error().message, err);
    const auto addresses = addressesIn(given->operands());
    if (!addresses)
        return usageError("dnsbl", addresses.error().message, err);
    const auto setup = setupFor(*given);
    if (!setup) {
        fmt::print(err, "sluicectl dnsbl: {}\n", setup.error().message);
        return EX_CONFIG;
    }
    return runTest(*given, *addresses, *setup, out, err);
}

} // namespace

const Command dnsblCommand{
    "dnsbl",
    "Ask the DNS blocklists, and say what their answers mean",
    "dnsbl test [ADDRESS…] [--zone ZONE…] [--config FILE] [--json]",
    "Asks each list of the configuration, or each ZONE, for its test entries (RFC 5782) and about\n"
    "each ADDRESS, as the filter does, and prints its codes, what they mean and how long it took;\n"
    "at last, for each ADDRESS, which rule decides. FILE is /etc/sluice/sluice-milter.conf unless\n"
    "it is given; with ZONE it is asked for the resolver alone. The exit status is 69 when a list\n"
    "fails its self-test or does not answer.\n\n"
    "  sluicectl dnsbl test 192.0.2.4\n"
    "  sluicectl dnsbl test --zone dnsbl.example.org",
    runDnsbl,
};

} // namespace sluice::ctl
