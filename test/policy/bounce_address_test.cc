// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/bounce_address.hh"
#include "test/support/capture_value.hh"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

using namespace sluice;

namespace {

constexpr CivilDay today{20'780};
const MailAddress list("team", "example.org");
const std::string domain = "bounces.example.org";

const std::string lineA = "aaaa2222 " + std::string(64, 'a');
const std::string lineB = "bb " + std::string(64, 'b');
const std::string lineC = "cc " + std::string(64, 'c');

Keyring keyringOf(const std::string& lines) {
    auto keyring = Keyring::parse(lines);
    REQUIRE(keyring);
    return *keyring;
}

CivilDay after(int days) {
    return CivilDay{static_cast<std::int32_t>(today) + days};
}

BounceStanding standing(const std::string& local, CivilDay day = today) {
    return checkBounceAddress(keyringOf(lineA), list, domain, MailAddress(local, domain), day);
}

} // namespace

TEST_CASE("addresses of another form are no bounce addresses") {
    const std::string good = bounceAddress(keyringOf(lineA), list, domain, today).local();
    REQUIRE(standing(good) == BounceStanding::good);
    const std::string signature = good.substr(good.find('+') + 1);
    for (const std::string& local : {
             std::string(),
             std::string("team"),
             std::string("team-bounces"),
             std::string("team-bounces+"),
             std::string("team-bounces+ann=example.org"),
             std::string("team-bounces+aaaa2222-aujm-"),
             std::string("team-bounces+--"),
             "other-bounces+" + signature,
             "team-bounce+" + signature,
             "team+" + signature,
             "team-bounces-" + signature,
             "xteam-bounces+" + signature,
             "+" + signature,
             good + "a",
             good + "-a",
             good + "+a",
             good.substr(0, good.size() - 1),
             "team-bounces+b" + signature,                  // an id that is too long
             "team-bounces+aaaa222 " + signature.substr(8), // not of the alphabet
             std::string(1U << 20, '-'),
             "team-bounces+" + std::string(1U << 20, '-'),
         }) {
        CAPTURE(local.substr(0, 200));
        CHECK(standing(local) == BounceStanding::none);
    }
    CHECK(checkBounceAddress(keyringOf(lineA), list, domain, MailAddress(good, "example.org"),
                             today) == BounceStanding::none);
    CHECK(checkBounceAddress(keyringOf(lineA), list, domain, MailAddress(), today) ==
          BounceStanding::none);
}

TEST_CASE("forged addresses are bad") {
    const std::string good = bounceAddress(keyringOf(lineA), list, domain, today).local();
    const std::size_t signature = good.find('+') + 1;
    constexpr std::string_view digits = "abcdefghijklmnopqrstuvwxyz234567";
    std::size_t bad = 0;
    std::size_t made = 0;
    for (std::size_t at = signature; at < good.size(); ++at) {
        for (const char digit : digits) {
            std::string forged = good;
            forged[at] = digit;
            if (good[at] == '-' || forged == good)
                continue;
            ++made;
            bad += standing(forged) == BounceStanding::bad ? 1U : 0U;
        }
    }
    CHECK(made == (8 + 4 + 16) * 31);
    CHECK(bad == made);
}

TEST_CASE("an address is good for its list, its domain and its keys alone") {
    const MailAddress good = bounceAddress(keyringOf(lineC), list, domain, today);
    const auto check = [&](const std::string& keys, const MailAddress& of) {
        return checkBounceAddress(keyringOf(keys), of, domain, good, today);
    };
    CHECK(check(lineC, list) == BounceStanding::good);
    CHECK(check(lineB + '\n' + lineC, list) == BounceStanding::good);
    CHECK(check(lineA + '\n' + lineB + '\n' + lineC, list) == BounceStanding::bad);
    CHECK(check("cc " + std::string(64, 'd'), list) == BounceStanding::bad);
    CHECK(check(lineC, MailAddress("team", "example.net")) == BounceStanding::bad);
    CHECK(check(lineC, MailAddress("other", "example.org")) == BounceStanding::none);
    const std::string elsewhere = "example.net";
    CHECK(checkBounceAddress(keyringOf(lineC), list, elsewhere,
                             MailAddress(good.local(), elsewhere), today) == BounceStanding::bad);
}

TEST_CASE("an address is good for thirty days") {
    const std::string local = bounceAddress(keyringOf(lineA), list, domain, today).local();
    CHECK(standing(local, after(30)) == BounceStanding::good);
    CHECK(standing(local, after(31)) == BounceStanding::expired);
    CHECK(standing(local, after(1'000'000)) == BounceStanding::expired);
    CHECK(standing(local, after(-1)) == BounceStanding::good);
    std::string forged = local;
    forged.back() = forged.back() == 'a' ? 'b' : 'a';
    CHECK(standing(forged, after(31)) == BounceStanding::bad);
}

TEST_CASE("an address survives the way through an envelope, and a change of case") {
    const MailAddress made = bounceAddress(keyringOf(lineA), list, domain, today);
    CHECK(made.local().starts_with("team-bounces+aaaa2222-aujm-"));
    CHECK(made.domain() == domain);
    std::string path = "<" + made.text() + ">";
    for (char& c : path)
        if (c >= 'a' && c <= 'z')
            c = static_cast<char>(c - 'a' + 'A');
    const MailAddress back = MailAddress::fromPath(path);
    CHECK(back == made);
    CHECK(checkBounceAddress(keyringOf(lineA), list, domain, back, today) == BounceStanding::good);
    CHECK(made.withoutExtension() == bounceMailbox(list, domain));
}

TEST_CASE("whatever the local part of a list is, that of its bounce address is plain and fits") {
    struct Row {
        std::string local;
        bool kept;
    };
    std::set<std::string> names;
    for (const auto& [local, kept] : {
             Row{"", false},
             Row{std::string(26, 'a'), false},
             Row{std::string(64, 'a'), false},
             Row{std::string(63, 'a') + "b", false},
             Row{"ted bremer", false},
             Row{"a\"b", false},
             Row{"a+b", false},
             Row{"a@b", false},
             Row{".a", false},
             Row{"a..b", false},
             Row{"-a", false},
             Row{"a\xC3\xA4", false},
             Row{"a\nb", false},
             Row{std::string(25, 'a'), true},
             Row{"a", true},
             Row{"a.b_c-2", true},
             Row{"a-", true},
         }) {
        CAPTURE_VALUE(local);
        const MailAddress odd(local, "example.org");
        const MailAddress made = bounceAddress(keyringOf(lineA), odd, domain, today);
        CHECK(made.local().size() <= 64);
        CHECK(isPlainMailbox(made.text()));
        CHECK(made.text() == made.key());
        CHECK(made.local().starts_with(local + "-bounces+") == kept);
        CHECK(made.local().starts_with("list-") == !kept);
        CHECK(checkBounceAddress(keyringOf(lineA), odd, domain, made, today) ==
              BounceStanding::good);
        const MailAddress mailbox = bounceMailbox(odd, domain);
        CHECK(made.withoutExtension() == mailbox);
        CHECK(names.insert(mailbox.local()).second);
        // the mailbox stays when the key changes
        CHECK(bounceAddress(keyringOf(lineB), odd, domain, today).withoutExtension() == mailbox);
    }
}
