// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/resolver_unbound.hh"
#include "test/support/dns_stub.hh"
#include "test/support/scratch_directory.hh"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::DnsReply;
using test::DnsStub;
using Clock = std::chrono::steady_clock;
using Kind = DnsReply::Kind;
using Status = AddressAnswer::Status;
using Freshness = Resolver::Freshness;

/// For answers that must come; a test that waits this long has failed.
constexpr auto patience = 20s;

DnsReply reply(Kind kind, std::vector<std::uint32_t> addresses = {}, std::uint32_t ttl = 300,
               unsigned delayMs = 0) {
    return {kind, std::move(addresses), ttl, delayMs};
}

DnsStub::Answer always(const DnsReply& same) {
    return [same](const std::string&) { return same; };
}

std::shared_ptr<Resolver> resolverFor(std::vector<std::string> servers,
                                      std::chrono::milliseconds timeout = 2s) {
    ResolverSettings settings;
    settings.source = ResolverSettings::Source::servers;
    settings.servers = std::move(servers);
    settings.timeout = timeout;
    auto resolver = makeUnboundResolver(settings);
    REQUIRE_MESSAGE(resolver, (resolver ? "" : resolver.error().message));
    return *resolver;
}

std::shared_ptr<const AddressAnswer> ask(Resolver& resolver, const std::string& name,
                                         Freshness freshness = Freshness::cached) {
    const auto answer = resolver.start(name, freshness)->waitUntil(Clock::now() + patience);
    REQUIRE(answer);
    return answer;
}

template<typename Condition>
bool within(std::chrono::milliseconds limit, const Condition& condition) {
    for (const auto end = Clock::now() + limit; Clock::now() < end;
         std::this_thread::sleep_for(5ms))
        if (condition())
            return true;
    return false;
}

TEST_CASE("settings that are wrong are refused with what is wrong") {
    struct Row {
        ResolverSettings settings;
        std::string_view message;
    };
    using Source = ResolverSettings::Source;
    for (const auto& [settings, message] : std::vector<Row>{
             {{Source::servers, {}, 2s, ""}, "no DNS server"},
             {{Source::servers, {"dns.example"}, 2s, ""}, "\"dns.example\""},
             {{Source::servers, {"127.0.0.1", "127.0.0.1@x"}, 2s, ""}, "\"127.0.0.1@x\""},
             {{Source::system, {}, 2s, "/nonexistent/resolv.conf"}, "/nonexistent/resolv.conf"},
         }) {
        const auto resolver = makeUnboundResolver(settings);
        REQUIRE_FALSE(resolver);
        CHECK_MESSAGE(resolver.error().message.find(message) != std::string::npos,
                      resolver.error().message);
    }
}

TEST_CASE("what the DNS answers") {
    DnsStub stub([](const std::string& name) {
        if (name == "one.bl.example.")
            return reply(Kind::addresses, {0x7f000002});
        if (name == "three.bl.example.")
            return reply(Kind::addresses, {0x7f000002, 0x7f00000a, 0x7ffffffe});
        if (name == "nodata.bl.example.")
            return reply(Kind::noData);
        if (name == "servfail.bl.example.")
            return reply(Kind::serverFailure);
        if (name == "refused.bl.example.")
            return reply(Kind::refused);
        if (name == "many.bl.example.")
            return reply(Kind::addresses, std::vector<std::uint32_t>(70, 0x7f000002));
        return reply(Kind::noSuchName);
    });
    const auto resolver = resolverFor({stub.address()});
    const auto one = ask(*resolver, "one.bl.example.");
    CHECK(one->status == Status::found);
    CHECK(one->addresses == std::vector<std::uint32_t>{0x7f000002});
    CHECK(one->why.empty());
    auto three = ask(*resolver, "three.bl.example.")->addresses;
    std::sort(three.begin(), three.end());
    CHECK(three == std::vector<std::uint32_t>{0x7f000002, 0x7f00000a, 0x7ffffffe});
    CHECK(ask(*resolver, "nodata.bl.example.")->status == Status::notFound);
    CHECK(ask(*resolver, "none.bl.example.")->status == Status::notFound);
    CHECK(ask(*resolver, "many.bl.example.")->addresses.size() <= 64);
    for (const char* name : {"servfail.bl.example.", "refused.bl.example."}) {
        const auto failed = ask(*resolver, name);
        CHECK(failed->status == Status::failed);
        CHECK_FALSE(failed->why.empty());
    }
}

TEST_CASE("a name that is none fails and nothing is sent") {
    DnsStub stub(always(reply(Kind::noSuchName)));
    const auto resolver = resolverFor({stub.address()});
    for (const std::string& name :
         {std::string(64, 'a') + ".example.", std::string("a..example."), std::string(300, 'a')})
        CHECK(ask(*resolver, name)->status == Status::failed);
    CHECK(stub.questions() == 0);
}

TEST_CASE("special names that private lists may use are asked for") {
    DnsStub stub(always(reply(Kind::addresses, {0x7f000002})));
    const auto resolver = resolverFor({stub.address()});
    for (const char* name : {"4.2.0.192.bl.test.", "4.2.0.192.bl.home.arpa."})
        CHECK(ask(*resolver, name)->status == Status::found);
}

TEST_CASE("equal questions under way are asked once") {
    DnsStub stub(always(reply(Kind::addresses, {0x7f000002}, 300, 200)));
    const auto resolver = resolverFor({stub.address()});
    std::vector<std::thread> threads;
    std::atomic<int> found{0};
    for (int i = 0; i < 16; ++i)
        threads.emplace_back([&] {
            const auto answer = resolver->start("a.bl.example.", Freshness::cached)
                                    ->waitUntil(Clock::now() + patience);
            found += answer && answer->status == Status::found ? 1 : 0;
        });
    for (auto& thread : threads)
        thread.join();
    CHECK(found == 16);
    CHECK(stub.questions() == 1);
}

TEST_CASE("a list that needs 300 ms is asked once, also after quick answers") {
    DnsStub stub([](const std::string& name) {
        return reply(Kind::noSuchName, {}, 300, name.starts_with("slow") ? 300 : 0);
    });
    const auto resolver = resolverFor({stub.address()});
    for (int i = 0; i < 20; ++i)
        (void)ask(*resolver, "quick" + std::to_string(i) + ".bl.example.");
    (void)ask(*resolver, "slow.bl.example.");
    CHECK(stub.questions("slow.bl.example.") == 1);
}

TEST_CASE("answers of both kinds are kept for their TTL") {
    DnsStub stub([](const std::string& name) {
        return name.starts_with("listed") ? reply(Kind::addresses, {0x7f000002}, 2)
                                          : reply(Kind::noSuchName, {}, 2);
    });
    const auto resolver = resolverFor({stub.address()});
    for (const std::string name : {"listed.bl.example.", "none.bl.example."}) {
        CAPTURE(name);
        const auto start = Clock::now();
        while (Clock::now() - start < 1s)
            (void)ask(*resolver, name);
        CHECK(stub.questions(name) == 1);
        CHECK(within(10s, [&] {
            (void)ask(*resolver, name);
            return stub.questions(name) == 2;
        }));
        CHECK(Clock::now() - start > 1900ms);
    }
}

TEST_CASE("an answer that is kept comes without waiting") {
    DnsStub stub(always(reply(Kind::addresses, {0x7f000002}, 300)));
    const auto resolver = resolverFor({stub.address()});
    (void)ask(*resolver, "a.bl.example.");
    CHECK(resolver->start("a.bl.example.", Freshness::cached)->waitUntil({}));
    stub.setAnswer(always(reply(Kind::silence))); // so that it cannot be quicker than this test
    CHECK_FALSE(resolver->start("b.bl.example.", Freshness::cached)->waitUntil({}));
}

TEST_CASE("a fresh answer passes by all caches, and is kept") {
    DnsStub stub(always(reply(Kind::addresses, {0x7f000002}, 3600)));
    const auto resolver = resolverFor({stub.address()});
    CHECK(ask(*resolver, "a.bl.example.")->status == Status::found);
    stub.setAnswer(always(reply(Kind::noSuchName, {}, 3600)));
    CHECK(ask(*resolver, "a.bl.example.")->status == Status::found);
    CHECK(ask(*resolver, "a.bl.example.", Freshness::fresh)->status == Status::notFound);
    CHECK(ask(*resolver, "a.bl.example.")->status == Status::notFound);
    CHECK(stub.questions() == 2);
}

TEST_CASE("a failure is kept for some seconds, and no longer") {
    DnsStub stub(always(reply(Kind::serverFailure)));
    const auto resolver = resolverFor({stub.address()});
    const auto start = Clock::now();
    CHECK(ask(*resolver, "a.bl.example.")->status == Status::failed);
    const unsigned asked = stub.questions();
    stub.setAnswer(always(reply(Kind::addresses, {0x7f000002})));
    CHECK(ask(*resolver, "a.bl.example.")->status == Status::failed);
    CHECK(stub.questions() == asked);
    CHECK(within(10s, [&] { return ask(*resolver, "a.bl.example.")->status == Status::found; }));
    CHECK(Clock::now() - start > 4s);
}

TEST_CASE("a silent server costs the deadline and then there is a failure") {
    DnsStub stub(always(reply(Kind::silence)));
    const auto resolver = resolverFor({stub.address()}, 200ms);
    const auto start = Clock::now();
    const auto pending = resolver->start("a.bl.example.", Freshness::cached);
    CHECK_FALSE(pending->waitUntil(start + 200ms));
    CHECK(Clock::now() - start >= 200ms);

    const auto failed = pending->waitUntil(start + patience);
    REQUIRE(failed);
    CHECK(failed->status == Status::failed);
    CHECK(failed->why == "no answer in 1200ms");
    CHECK(Clock::now() - start >= 1200ms);
    CHECK(resolver->start("a.bl.example.", Freshness::cached)->waitUntil({})->status ==
          Status::failed);
}

TEST_CASE("an answer that comes too late is kept for the next who asks") {
    // the third packet, 1 s (libunbound 1.17) or 1.5 s (1.26) after the first, gets an answer
    DnsStub stub([sent = 0](const std::string&) mutable {
        return ++sent < 3 ? reply(Kind::silence) : reply(Kind::addresses, {0x7f000002}, 300, 400);
    });
    const auto resolver = resolverFor({stub.address()}, 50ms);
    const auto pending = resolver->start("a.bl.example.", Freshness::cached);
    REQUIRE(pending->waitUntil(Clock::now() + patience)->status == Status::failed);
    CHECK(within(10s, [&] { return ask(*resolver, "a.bl.example.")->status == Status::found; }));
    CHECK(stub.questions() == 3);
    CHECK(pending->waitUntil({})->status == Status::failed); // what was said stays
}

TEST_CASE("one of two servers may be silent") {
    DnsStub silent(always(reply(Kind::silence)));
    DnsStub stub(always(reply(Kind::noSuchName)));
    const auto resolver = resolverFor({silent.address(), stub.address()});
    for (int i = 0; i < 8; ++i)
        CHECK(ask(*resolver, std::to_string(i) + ".bl.example.")->status == Status::notFound);
}

/// Sets how many descriptors the process may open, as far as that is allowed, for a while.
class DescriptorLimit {
public:
    explicit DescriptorLimit(std::size_t wanted) {
        REQUIRE(getrlimit(RLIMIT_NOFILE, &before_) == 0);
        rlimit limit = before_;
        limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, wanted);
        REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        limit_ = limit.rlim_cur;
    }
    ~DescriptorLimit() { setrlimit(RLIMIT_NOFILE, &before_); }
    DescriptorLimit(const DescriptorLimit&) = delete;
    DescriptorLimit& operator=(const DescriptorLimit&) = delete;

    [[nodiscard]] std::size_t get() const { return limit_; }

private:
    rlimit before_{};
    std::size_t limit_ = 0;
};

TEST_CASE("the questions under way are bounded, and end with the resolver") {
    for (const std::size_t descriptors : {std::size_t{256}, 3 * mostQuestionsUnderWay}) {
        CAPTURE(descriptors);
        const DescriptorLimit allowed(descriptors);
        const std::size_t limit = std::min(mostQuestionsUnderWay, allowed.get() / 2);
        DnsStub stub(always(reply(Kind::silence)));
        auto resolver = resolverFor({stub.address()}, 30s);
        const auto start = Clock::now();
        std::vector<std::shared_ptr<PendingAnswer>> pending;
        for (std::size_t i = 0; i < limit + 10; ++i)
            pending.push_back(
                resolver->start(std::to_string(i) + ".bl.example.", Freshness::cached));
        // libunbound fails the first ones after 3 s: on a machine that slow there is nothing to see
        if (Clock::now() - start < 2s) {
            const auto refused = [](const auto& each) {
                const auto answer = each->waitUntil({});
                return answer && answer->why == "too many questions under way";
            };
            CHECK(std::find_if(pending.begin(), pending.end(), refused) == pending.end() - 10);
            CHECK(std::all_of(pending.end() - 10, pending.end(), refused));
            // one that is under way can still be shared
            CHECK_FALSE(resolver->start("1.bl.example.", Freshness::cached)->waitUntil({}));
        } else {
            MESSAGE("too slow to fill the resolver");
        }
        resolver.reset();
        CHECK(std::all_of(pending.begin(), pending.end(), [](const auto& each) {
            const auto answer = each->waitUntil({});
            return answer && answer->status == Status::failed;
        }));
    }
}

TEST_CASE("who waits is told when the resolver ends") {
    DnsStub stub(always(reply(Kind::silence)));
    auto resolver = resolverFor({stub.address()}, 30s);
    const auto pending = resolver->start("a.bl.example.", Freshness::cached);
    std::thread waiting([&] {
        const auto answer = pending->waitUntil(Clock::now() + patience);
        CHECK((answer && answer->status == Status::failed));
    });
    REQUIRE(stub.waitForQuestions(1, patience));
    resolver.reset();
    waiting.join();
}

TEST_CASE("questions may be dropped, and many threads may ask") {
    DnsStub stub([](const std::string& name) {
        return reply(Kind::noSuchName, {}, 300, name.size() % 3 == 0 ? 20 : 0);
    });
    const auto resolver = resolverFor({stub.address()});
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 100; ++i) {
                const std::string name = std::to_string(i % 50) +
                                         std::string(static_cast<std::size_t>(t % 3), 'x') +
                                         ".bl.example.";
                auto pending = resolver->start(name, Freshness::cached);
                if (i % 2 == 0)
                    CHECK(pending->waitUntil(Clock::now() + patience));
            }
        });
    for (auto& thread : threads)
        thread.join();
    CHECK(stub.questions() <= 150);
}

TEST_CASE("the servers of resolv.conf are used") {
    constexpr const char* ownAddress = "127.87.53.1";
    constexpr std::uint16_t domainPort = 53;
    const test::ScratchDirectory directory;
    ResolverSettings settings;
    settings.source = ResolverSettings::Source::system;
    settings.resolvConf = directory.path("resolv.conf");
    test::writeFile(settings.resolvConf, "# a comment\nsearch example.net\nnameserver " +
                                             std::string(ownAddress) + "\n");
    DnsStub stub(always(reply(Kind::addresses, {0x7f000002})), ownAddress, domainPort);
    const auto resolver = makeUnboundResolver(settings);
    REQUIRE(resolver);
    if (!stub.running()) {
        MESSAGE("port 53 cannot be had here: only the set-up was tried");
        return;
    }
    CHECK(ask(**resolver, "a.bl.example.")->status == Status::found);
    CHECK(stub.questions() == 1);
}

TEST_CASE("the recursive resolver starts") {
    ResolverSettings settings;
    settings.source = ResolverSettings::Source::recursive;
    CHECK(makeUnboundResolver(settings));
}

} // namespace
} // namespace sluice
