// SPDX-License-Identifier: BSD-2-Clause
#include "common/log.hh"
#include "milter/adapters/resolver_unbound.hh"
#include "milter/dnsbl_service.hh"
#include "test/support/captured_stderr.hh"
#include "test/support/dns_servers.hh"
#include "test/support/dns_stub.hh"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::DnsReply;
using test::DnsStub;
using Clock = std::chrono::steady_clock;
using Kind = DnsReply::Kind;
using Status = DnsblAnswer::Status;

constexpr auto patience = 20s;
constexpr std::uint32_t listedCode = 0x7f000002;

IpAddress address(std::string_view text) {
    return IpAddress::parse(text).value();
}

const IpAddress client = address("192.0.2.4");

std::shared_ptr<const DnsblRules> rulesOf(const std::vector<std::string>& lines) {
    DnsblRules::Builder builder;
    for (const std::string& line : lines)
        REQUIRE(builder.add(parseDnsblRule(line).value()));
    return std::make_shared<const DnsblRules>(builder.build());
}

std::shared_ptr<Resolver> resolverFor(const std::string& server,
                                      std::chrono::milliseconds timeout = 2s) {
    ResolverSettings settings;
    settings.source = ResolverSettings::Source::servers;
    settings.servers = {server};
    settings.timeout = timeout;
    return makeUnboundResolver(settings).value();
}

/// Quick enough for a test, else as usual.
SelfTestSchedule quickSchedule() {
    SelfTestSchedule schedule;
    schedule.interval = 100ms;
    schedule.repeat = 20ms;
    schedule.firstProbe = 20ms;
    schedule.lastProbe = 100ms;
    return schedule;
}

class CountedWaits : public BlockedCallbacks {
public:
    void enter() noexcept override { ++entered; }
    void leave() noexcept override { ++left; }
    std::atomic<int> entered{0};
    std::atomic<int> left{0};
};

DnsReply listed(std::vector<std::uint32_t> codes = {listedCode}, unsigned delayMs = 0) {
    return {Kind::addresses, std::move(codes), 1, delayMs};
}

const DnsReply notListed{Kind::noSuchName, {}, 1, 0};
const DnsReply silence{Kind::silence, {}, 1, 0};
constexpr std::string_view mapped =
    ".0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.";

bool isTestEntry(std::string_view name, char entry) {
    return name.front() == entry &&
           (name.substr(1).starts_with(".0.0.127.") || name.substr(1).starts_with(mapped));
}

/// A list that keeps to RFC 5782 section 5 and lists nobody else.
DnsReply healthy(const std::string& name) {
    return isTestEntry(name, '2') ? listed() : notListed;
}

DnsReply listsWorld(const std::string& /*name*/) {
    return listed();
}

template<typename Condition>
bool eventually(const Condition& condition) {
    for (const auto end = Clock::now() + patience; Clock::now() < end;
         std::this_thread::sleep_for(5ms))
        if (condition())
            return true;
    return false;
}

/// The least of three: what else the machine does only adds.
template<typename Action>
Clock::duration quickestOfThree(const Action& action) {
    Clock::duration least = Clock::duration::max();
    for (int attempt = 0; attempt < 3; ++attempt) {
        const auto begin = Clock::now();
        action(attempt);
        least = std::min(least, Clock::now() - begin);
    }
    return least;
}

/// A service with these rules at this server.
struct Site {
    Site(const std::vector<std::string>& lines, std::string server, bool selfTest = false,
         std::chrono::milliseconds dnsTimeout = 2s,
         const SelfTestSchedule& schedule = quickSchedule())
        : rules(rulesOf(lines)), timeout(dnsTimeout), service(waits, schedule) {
        configure(std::move(server), selfTest);
    }

    void configure(const std::string& server, bool selfTest) {
        service.configure(resolverFor(server, timeout), rules->zones(), selfTest);
    }
    std::unique_ptr<DnsblAnswers> start(const IpAddress& who = client) {
        auto answers = service.start(rules, who, timeout);
        REQUIRE(answers);
        return answers;
    }
    DnsblAnswer answer(const IpAddress& who = client, std::size_t zone = 0) {
        return start(who)->answer(zone);
    }
    DnsblZoneStatus status(std::size_t zone = 0) { return service.status().at(zone); }

    std::shared_ptr<CountedWaits> waits = std::make_shared<CountedWaits>();
    std::shared_ptr<const DnsblRules> rules;
    std::chrono::milliseconds timeout;
    DnsblService service;
};

std::vector<DnsblCode> sorted(std::vector<DnsblCode> codes) {
    std::sort(codes.begin(), codes.end());
    return codes;
}

TEST_CASE("without a resolver all is unknown, and without rules there is nothing") {
    DnsblService service;
    const auto rules = rulesOf({"bl bl.example"});
    CHECK(service.start(rules, client, 1s)->answer(0).status == Status::unknown);
    service.configure(nullptr, rules->zones(), true);
    CHECK(service.start(rules, client, 1s)->answer(0).status == Status::unknown);
    CHECK(service.start(rulesOf({}), client, 1s));
    CHECK_THROWS(service.start(rules, client, 1s)->answer(1));
}

TEST_CASE("a real list, asked directly and by way of a real resolver") {
    const test::Rbldnsd list("bl.example",
                             "127.0.0.2\n192.0.2.4\n192.0.2.16/28\n!192.0.2.20\n"
                             "192.0.2.6 :127.0.0.4:a\n192.0.2.6 :127.0.0.10:b\n"
                             "192.0.2.7 :127.255.255.254:no\n",
                             "::ffff:7f00:2/128\n2001:db8::/48\n");
    const test::UnboundServer unbound("bl.example", list.port());
    for (const std::string& server : {list.address(), unbound.address()}) {
        CAPTURE(server);
        Site site({"bl bl.example"}, server);
        CHECK(site.answer(address("192.0.2.4")) == DnsblAnswer{Status::answered, {listedCode}});
        CHECK(site.answer(address("192.0.2.17")).status == Status::answered);
        CHECK(site.answer(address("192.0.2.20")).status == Status::notListed);
        CHECK(site.answer(address("192.0.2.5")).status == Status::notListed);
        CHECK(sorted(site.answer(address("192.0.2.6")).codes) ==
              std::vector<DnsblCode>{0x7f000004, 0x7f00000a});
        CHECK(site.answer(address("192.0.2.7")).codes == std::vector<DnsblCode>{0x7ffffffe});
        CHECK(site.answer(address("2001:db8::25")).status == Status::answered);
        CHECK(site.answer(address("2001:db8:1::25")).status == Status::notListed);

        const auto answers = site.start(address("192.0.2.7"));
        CHECK(evaluate(*site.rules, address("192.0.2.7"), *answers).outcome ==
              DnsblDecision::Outcome::pass);
        const DnsblZoneStatus status = site.status();
        CHECK(status.zone == "bl.example");
        CHECK(status.queries == 9);
        CHECK(status.listed == 4);
        CHECK(status.notListed == 3);
        CHECK(status.unknown == 2);
        CHECK(status.providerErrors == 2);
    }
}

TEST_CASE("a list that lists the world is suspended, and lifted when it is mended") {
    constexpr std::string_view world = "0.0.0.0/1\n128.0.0.0/1\n";
    test::Rbldnsd list("bl.example", world);
    test::CapturedStderr log;
    Site site({"bl bl.example ipv6=no"}, list.address(), true);
    CHECK(eventually([&] { return site.status().suspendedIpv4; }));
    CHECK(site.status().reasonIpv4 == "lists the world: 127.0.0.1 is listed");
    CHECK(site.answer().status == Status::suspended);
    CHECK(log.line().ends_with(
        "list bl.example is suspended and matches nothing: lists the world: 127.0.0.1 is listed"));

    list.rewrite("127.0.0.2\n192.0.2.4\n");
    CHECK(eventually([&] { return !site.status().suspendedIpv4; }));
    CHECK(site.status().reasonIpv4.empty());
    CHECK(log.line().ends_with("list bl.example passes its self-test and is in use again"));
    CHECK(eventually([&] { return site.answer().status == Status::answered; }));
    CHECK(log.rest().empty());
}

TEST_CASE("a second test is made within 2 s of a first that failed") {
    DnsStub stub(listsWorld);
    const auto start = Clock::now();
    Site site({"bl bl.example ipv6=no"}, stub.address(), true, 2s, SelfTestSchedule{});
    CHECK(eventually([&] { return site.status().suspendedIpv4; }));
    CHECK(Clock::now() - start < 10s); // 1 s apart; the next would come after a minute and more
    CHECK(stub.questions("1.0.0.127.bl.example.") == 2);
}

TEST_CASE("a list without IPv6 is out of use for IPv6 alone, and a warning to nobody") {
    DnsStub stub([](const std::string& name) {
        return name.starts_with("2.0.0.127.") || name.starts_with("4.2.0.192.") ? listed()
                                                                                : notListed;
    });
    log::setLevels([] {
        LogLevels levels;
        levels.setAll(LogLevel::warning);
        return levels;
    }());
    test::CapturedStderr log;
    Site site({"bl bl.example", "four four.example ipv6=no"}, stub.address(), true);
    CHECK(eventually([&] { return site.status(0).suspendedIpv6; }));
    CHECK_FALSE(site.status(0).suspendedIpv4);
    CHECK(site.status(0).reasonIpv6 == "test entry ::ffff:127.0.0.2 is missing");
    CHECK(site.answer(address("2001:db8::25")).status == Status::suspended);
    CHECK(site.answer().status == Status::answered);
    CHECK_FALSE(site.status(1).suspendedIpv6);
    CHECK(log.rest().empty());
    log::setLevels({});
}

TEST_CASE("a list out of reach is not suspended, and tested again") {
    DnsStub stub([](const std::string&) { return DnsReply{Kind::serverFailure, {}, 1, 0}; });
    Site site({"bl bl.example"}, stub.address(), true);
    CHECK(site.answer().status == Status::unknown);
    REQUIRE(eventually([&] { return stub.questions("2.0.0.127.bl.example.") >= 6; }));
    CHECK_FALSE(site.status().suspendedIpv4);
    CHECK_FALSE(site.status().suspendedIpv6);
}

TEST_CASE("a suspended list is asked nothing about clients") {
    DnsStub stub(listsWorld);
    Site site({"bl bl.example"}, stub.address(), true);
    REQUIRE(eventually([&] { return site.status().suspendedIpv4; }));
    CHECK(site.answer().status == Status::suspended);
    CHECK(stub.questions("4.2.0.192.bl.example.") == 0);
    CHECK(site.status().queries == 0);
}

TEST_CASE("a list that is suspended while its answer is on the way matches nothing") {
    std::atomic<bool> bad{false};
    DnsStub stub([&bad](const std::string& name) { return bad ? listed() : healthy(name); });
    Site site({"bl bl.example"}, stub.address(), true);
    const auto before = site.start();
    CHECK(before->answer(0).status == Status::notListed);
    bad = true;
    const auto during = site.start(address("192.0.2.99"));
    REQUIRE(eventually([&] { return site.status().suspendedIpv4; }));
    CHECK(during->answer(0).status == Status::suspended);
    CHECK(before->answer(0).status == Status::notListed); // what was said stays
}

TEST_CASE("without self-test nothing is tested, and what was suspended is in use") {
    DnsStub stub(listsWorld);
    Site site({"bl bl.example"}, stub.address(), true);
    REQUIRE(eventually([&] { return site.status().suspendedIpv4; }));
    site.configure(stub.address(), false);
    CHECK_FALSE(site.status().suspendedIpv4);
    CHECK(site.answer().status == Status::answered);
}

TEST_CASE("a reload keeps what is known of a list that stays") {
    DnsStub stub(listsWorld);
    Site site({"bl bl.example", "other other.example"}, stub.address(), true);
    REQUIRE(eventually([&] { return site.status(0).suspendedIpv4; }));
    DnsStub second(listsWorld);
    site.configure(second.address(), true);
    CHECK(site.status(0).suspendedIpv4);
    CHECK(site.answer().status == Status::suspended);
    CHECK(second.waitForQuestions(1, patience)); // tested at once, at the new server

    site.rules = rulesOf({"other other.example"});
    site.configure(second.address(), true);
    REQUIRE(site.service.status().size() == 1);
    CHECK(site.status(0).zone == "other.example");
}

TEST_CASE("answers outlive the service and the resolver, and a reload") {
    DnsStub stub([](const std::string& name) {
        return name.starts_with("4.") ? listed({listedCode}, 200) : silence;
    });
    auto site = std::make_unique<Site>(std::vector<std::string>{"bl bl.example"}, stub.address());
    const auto before = site->start();
    DnsStub other(healthy);
    site->configure(other.address(), false);
    CHECK(site->answer().status == Status::notListed);
    // the old resolver ended with the reload: nobody waits for it
    CHECK(before->answer(0).status != Status::notListed);

    const auto answers = site->start(address("192.0.2.77"));
    site.reset();
    (void)answers->answer(0);
}

TEST_CASE("each zone is asked once, for all rules, when somebody can need it") {
    DnsStub stub(healthy);
    Site site({"a one.example match=codes:127.0.0.2", "b ONE.example. match=codes:127.0.0.3",
               "c two.example ipv6=no"},
              stub.address());
    const auto answers = site.start();
    CHECK(evaluate(*site.rules, client, *answers).outcome == DnsblDecision::Outcome::pass);
    CHECK(evaluate(*site.rules, client, *answers).outcome == DnsblDecision::Outcome::pass);
    CHECK(stub.questions("4.2.0.192.one.example.") == 1);
    CHECK(stub.questions("4.2.0.192.two.example.") == 1);
    const unsigned before = stub.questions();
    const auto six = site.start(address("2001:db8::1"));
    CHECK(evaluate(*site.rules, address("2001:db8::1"), *six).outcome ==
          DnsblDecision::Outcome::pass);
    CHECK(stub.questions() == before + 1);
}

TEST_CASE("six lists of 300 ms each cost 300 ms, and starting costs nothing") {
    DnsStub stub([](const std::string&) { return DnsReply{Kind::noSuchName, {}, 60, 300}; });
    std::vector<std::string> lines;
    for (int i = 0; i < 6; ++i)
        lines.push_back("r" + std::to_string(i) + " slow" + std::to_string(i) + ".example");
    Site site(lines, stub.address());
    Clock::duration starting = patience;
    const auto whole = quickestOfThree([&](int attempt) {
        const IpAddress who = IpAddress::v4(0xc0000210U + static_cast<std::uint32_t>(attempt));
        const auto begin = Clock::now();
        const auto answers = site.start(who);
        starting = std::min(starting, Clock::now() - begin);
        CHECK(evaluate(*site.rules, who, *answers).unknown.empty());
    });
    CHECK(starting < 250ms);
    CHECK(whole >= 300ms);
    CHECK(whole < 1200ms); // one after the other: 1,800
    CHECK(site.waits->entered >= 1);
    CHECK(site.waits->left == site.waits->entered);
}

TEST_CASE("a silent server costs a connection the timeout, once, from its start") {
    DnsStub stub([](const std::string&) { return silence; });
    Site site({"a one.example", "b two.example"}, stub.address(), false, 1s);
    const auto whole = quickestOfThree([&](int attempt) {
        const int before = site.waits->entered;
        const auto answers =
            site.start(IpAddress::v4(0xc0000210U + static_cast<std::uint32_t>(attempt)));
        std::this_thread::sleep_for(900ms); // the client is slow
        CHECK(answers->answer(0).status == Status::unknown);
        CHECK(answers->answer(1).status == Status::unknown);
        CHECK(answers->answer(0).status == Status::unknown);
        CHECK(site.waits->entered <= before + 1);
    });
    CHECK(whole >= 1s);
    CHECK(whole < 1700ms); // from the first answer asked for: 1,900
    CHECK(site.waits->left == site.waits->entered);
    CHECK(site.status(0).unknown == 3);
}

TEST_CASE("who does not wait is not told of as waiting") {
    DnsStub stub(healthy);
    Site site({"a one.example"}, stub.address());
    (void)site.answer();
    const int before = site.waits->entered;
    CHECK(site.answer().status == Status::notListed); // from the cache
    CHECK(site.waits->entered == before);
}

TEST_CASE("an answer that nobody needed is counted when it has come") {
    DnsStub stub(healthy);
    Site site({"a one.example"}, stub.address());
    auto answers = site.start();
    REQUIRE(eventually([&] { return site.answer().status == Status::notListed; }));
    const auto counted = site.status().notListed;
    answers.reset();
    CHECK(site.status().notListed == counted + 1);
}

TEST_CASE("no log line shows the zone of a rule that names a provider") {
    DnsStub stub([](const std::string& name) {
        return name.starts_with("4.") ? listed({0x7ffffffe}) : listsWorld(name);
    });
    LogLevels levels;
    levels.setAll(LogLevel::debug);
    log::setLevels(levels);
    test::CapturedStderr captured;
    Site site({"bl s3cret.bl.example provider=\"The Provider\""}, stub.address(), true);
    REQUIRE(eventually([&] {
        (void)site.answer();
        return site.status().suspendedIpv4 && site.status().suspendedIpv6;
    }));
    CHECK(site.status().zone == "The Provider");
    const std::string lines = captured.rest();
    CHECK(lines.find("list The Provider is suspended") != std::string::npos);
    CHECK(lines.find("error of its provider, 127.255.255.254") != std::string::npos);
    CHECK(lines.find("s3cret") == std::string::npos);
    log::setLevels({});
}

TEST_CASE("provider errors are logged once a minute, and not a line a query") {
    DnsStub stub([](const std::string&) { return listed({0x7ffffffe}); });
    test::CapturedStderr log;
    Site site({"bl bl.example"}, stub.address());
    for (int i = 0; i < 20; ++i)
        (void)site.answer(IpAddress::v4(0xc0000200U + static_cast<std::uint32_t>(i)));
    CHECK(site.status().providerErrors == 20);
    const std::string lines = log.rest();
    CHECK(std::count(lines.begin(), lines.end(), '\n') == 1);
}

TEST_CASE("many sessions, reloads and the self-test at the same time") {
    DnsStub stub(healthy);
    Site site({"a one.example", "b two.example"}, stub.address(), true);
    std::atomic<bool> done{false};
    std::vector<std::thread> sessions;
    std::atomic<int> answered{0};
    for (int t = 0; t < 4; ++t)
        sessions.emplace_back([&, t] {
            for (std::uint32_t i = 0; !done; ++i) {
                const auto answers =
                    site.service.start(site.rules, IpAddress::v4(0xc0000200U + i % 64), 2s);
                answered +=
                    answers->answer(static_cast<std::size_t>(t) % 2).status == Status::notListed;
            }
        });
    for (int reload = 0; reload < 10; ++reload) {
        site.configure(stub.address(), reload % 2 == 0);
        const int before = answered;
        REQUIRE(eventually([&] { return answered > before + 20; }));
        (void)site.service.status();
    }
    done = true;
    for (auto& session : sessions)
        session.join();
}

} // namespace
} // namespace sluice
