// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/trace_stamp.hh"
#include "test/support/capture_value.hh"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

using namespace sluice;

namespace {

constexpr CivilDay today{20'780};
constexpr std::string_view messageId = "a.b@example.org";
const std::string subject = "team@example.org";

Keyring keyringOf(std::string_view lines) {
    auto keyring = Keyring::parse(lines);
    REQUIRE(keyring);
    return *keyring;
}

const std::string lineA = "aaaa2222 " + std::string(64, 'a');
const std::string lineB = "bb " + std::string(64, 'b');
const std::string lineC = "cc " + std::string(64, 'c');

Keyring keyringA() {
    return keyringOf(lineA);
}

std::string stampOf(unsigned hop) {
    return makeStamp(keyringA(), subject, hop, today, messageId);
}

/// Sanitizers make each of them ten times as slow.
#if defined(SLUICE_SANITIZED)
constexpr std::size_t forgeries = 100'000;
#else
constexpr std::size_t forgeries = 1'000'000;
#endif

/// With each blank replaced by `between`.
std::string spaced(std::string_view stamp, std::string_view between) {
    std::string text;
    for (const char c : stamp)
        c == ' ' ? text.append(between) : text.append(1, c);
    return text;
}

std::string upperCase(std::string text) {
    for (char& c : text)
        if (c >= 'a' && c <= 'z')
            c = static_cast<char>(c - 'a' + 'A');
    return text;
}

} // namespace

TEST_CASE("Message-IDs that are none") {
    for (const char* value : {"", " ", "<>", " < > ", "(comment)", "(a <b@c>) <>", "\r\n "}) {
        CAPTURE(value);
        CHECK(canonicalMessageId(value).empty());
    }
}

TEST_CASE("Message-IDs in the form in which they are compared") {
    struct Row {
        std::string_view value;
        std::string_view canonical;
    };
    for (const auto& [value, canonical] : {
             Row{" <Ab.C@Example.ORG>", "Ab.C@example.org"},
             Row{"\r\n <a@b>\r\n", "a@b"},
             Row{"<a@b> (added by relay <x@y>)", "a@b"},
             Row{"(from <x@y>, (nested \\) <z@z>)) <a@b>", "a@b"},
             Row{"(a comment that never ends <a@b>", "a@b"},
             Row{"no brackets@B", "nobrackets@b"},
             Row{"bare@B (comment)", "bare@b"},
             Row{"bare@B (never ends", "bare@b(neverends"},
             Row{"<a\r\n .b@c>", "a.b@c"},
             Row{"<a\t b @ C >", "ab@c"},
             Row{"<a(b)c@d>", "a(b)c@d"},
             Row{"<\"A@B\"@C>", "\"A@B\"@c"},
             Row{"<never ends@B", "neverends@b"},
             Row{"<NoDomain>", "NoDomain"},
             Row{"<a@b> <c@d>", "a@b"},
             Row{"\x01<a\x7F@b>", "a@b"},
         }) {
        CAPTURE_VALUE(value);
        CHECK(canonicalMessageId(value) == canonical);
    }
}

TEST_CASE("a long Message-ID is bounded, and differs from others that begin alike") {
    const std::string fits = std::string(longestMessageId - 2, 'a') + "@b";
    CHECK(canonicalMessageId("<" + fits + ">") == fits);
    const std::string large(100'000, 'a');
    const std::string one = canonicalMessageId("<" + large + "1@B>");
    CHECK(one.size() == longestMessageId);
    CHECK(one == canonicalMessageId("(x) <" + large + "1@b>"));
    CHECK(one != canonicalMessageId("<" + large + "2@B>"));
    CHECK(canonicalMessageId(std::string(1U << 20, '(')).size() == longestMessageId);
}

TEST_CASE("a stamp has its form and fits a line") {
    const std::string stamp = stampOf(3);
    CHECK(stamp.starts_with("1 aaaa2222 aujm "));
    CHECK(stamp.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567 ", 1) == std::string::npos);
    CHECK(stamp == stampOf(3)); // the same on every node
    CHECK(traceHeader.size() + 2 + stamp.size() <= 76);
    const std::string longest = makeStamp(keyringA(), std::string(100'000, 'x'), 4'000'000'000U,
                                          CivilDay{2'000'000'000}, std::string(100'000, 'y'));
    CHECK(longest.size() == stamp.size());
}

TEST_CASE("texts that are no stamp of this message are not valid") {
    const std::string good = stampOf(1);
    REQUIRE(verifyStamp(keyringA(), good, messageId));
    const std::string fields = good.substr(0, good.rfind(' '));
    const std::string mac = good.substr(good.rfind(' ') + 1);
    for (const std::string& text : {
             std::string(), std::string(" "), std::string("1"), fields, mac,
             "2" + good.substr(1),                               // another version
             "01" + good.substr(1),                              //
             good.substr(0, good.size() - 1),                    // a short MAC
             good + 'a', good + " a",                            //
             fields + "  ", fields + ' ' + std::string(26, 'a'), //
             spaced(good, "-"),                                  //
             spaced(good, std::string(60, ' ')),                 // too long to be looked at
             std::string(1U << 20, ' ') + good,                  //
             good + std::string(1, '\0'),                        //
             '\0' + good,                                        //
             "=20" + good,                                       //
         }) {
        CAPTURE(text.substr(0, 200));
        CHECK_FALSE(verifyStamp(keyringA(), text, messageId));
    }
    CHECK_FALSE(verifyStamp(keyringA(), good, "other@example.org"));
    CHECK_FALSE(verifyStamp(keyringA(), good, ""));
    CHECK_FALSE(verifyStamp(Keyring::random(), good, messageId));
    // the same id with another secret
    CHECK_FALSE(verifyStamp(keyringOf("aaaa2222 " + std::string(64, 'b')), good, messageId));
}

TEST_CASE("a stamp says what it was made of, whatever relays do to its form") {
    const std::string stamp = stampOf(3);
    for (const std::string& text :
         {stamp, " " + stamp, "\r\n\t" + stamp + " \r\n", spaced(stamp, "\r\n "),
          spaced(stamp, "\n\t"), spaced(stamp, "   "), upperCase(stamp)}) {
        CAPTURE(text);
        const auto read = verifyStamp(keyringA(), text, messageId);
        REQUIRE(read);
        CHECK(read->keyId == "aaaa2222");
        CHECK(read->day == today);
        CHECK(read->hop == 3);
        CHECK(isFor(keyringA(), *read, subject));
        CHECK_FALSE(isFor(keyringA(), *read, "other@example.org"));
        CHECK_FALSE(isFor(keyringA(), *read, ""));
    }
    const auto none = verifyStamp(keyringA(), makeStamp(keyringA(), "", 1, today, ""), "");
    REQUIRE(none);
    CHECK(isFor(keyringA(), *none, ""));
}

TEST_CASE("numbers beyond their fields are the largest that fit") {
    const auto read = verifyStamp(
        keyringA(), makeStamp(keyringA(), subject, 5000, CivilDay{-3}, messageId), messageId);
    REQUIRE(read);
    CHECK(read->hop == 1023);
    CHECK(read->day == CivilDay{0});
}

TEST_CASE("the stamp of an older key counts for as long as the key is accepted") {
    const std::string stamp = makeStamp(keyringOf(lineC), subject, 1, today, messageId);
    const Keyring rotated = keyringOf(lineB + '\n' + lineC);
    const auto read = verifyStamp(rotated, stamp, messageId);
    REQUIRE(read);
    CHECK(isFor(rotated, *read, subject));
    const Keyring rotatedTwice = keyringOf(lineA + '\n' + lineB + '\n' + lineC);
    CHECK_FALSE(verifyStamp(rotatedTwice, stamp, messageId));
    CHECK_FALSE(isFor(rotatedTwice, *read, subject));
}

TEST_CASE("a million forged stamps: none is accepted") {
    const Keyring keyring = keyringA();
    const std::string good = stampOf(1);
    constexpr std::string_view digits = "abcdefghijklmnopqrstuvwxyz234567";
    std::string forged = good;
    std::size_t accepted = 0;
    std::size_t made = 0;
    std::size_t random = 1;
    while (made < forgeries) {
        // of the right form: one digit or two behind the id of the key are changed
        random = random * 6364136223846793005U + 1442695040888963407U;
        const std::size_t first = 11 + (random >> 33U) % (good.size() - 11);
        const std::size_t second = 11 + (random >> 43U) % (good.size() - 11);
        if (good[first] == ' ' || good[second] == ' ')
            continue;
        forged[first] = digits[(random >> 20U) % digits.size()];
        forged[second] = digits[(random >> 25U) % digits.size()];
        if (forged != good) {
            ++made;
            accepted += verifyStamp(keyring, forged, messageId) ? 1U : 0U;
        }
        forged[first] = good[first];
        forged[second] = good[second];
    }
    CHECK(accepted == 0);
    CHECK(verifyStamp(keyring, forged, messageId));
}

TEST_CASE("the stamps of a message: valid ones, each once, the topmost first") {
    HeaderList headers;
    headers.add("X-Sluice-Trace", " " + stampOf(2));
    headers.add("Received", " from a by b");
    headers.add("x-sluice-trace", upperCase(stampOf(1)));
    headers.add("X-Sluice-Trace", stampOf(2));
    headers.add("X-Sluice-Trace", " forged");
    headers.add("X-Other", stampOf(4));
    const auto stamps = validStamps(keyringA(), headers, messageId);
    REQUIRE(stamps.size() == 2);
    CHECK(stamps[0].hop == 2);
    CHECK(stamps[1].hop == 1);
    CHECK(validStamps(keyringA(), headers, "other@example.org").empty());
}

TEST_CASE("no more stamps are examined than the limit says") {
    HeaderList headers;
    for (std::size_t i = 1; i < maxStampsExamined; ++i)
        headers.add("X-Sluice-Trace", " forged");
    headers.add("Subject", " not one of them");
    headers.add("X-Sluice-Trace", " " + stampOf(2));
    headers.add("X-Sluice-Trace", " " + stampOf(1));
    const auto stamps = validStamps(keyringA(), headers, messageId);
    REQUIRE(stamps.size() == 1);
    CHECK(stamps[0].hop == 2);
}

TEST_CASE("the subject of a stamp does not depend on the order of the recipients") {
    const MailAddress a("a", "example.org");
    const MailAddress b("b", "example.org");
    CHECK(stampSubject(a) == "a@example.org");
    CHECK(stampSubject(std::vector{a}) == stampSubject(a));
    CHECK(stampSubject({b, a, b}) == stampSubject({a, b}));
    CHECK(stampSubject({a, b}) != stampSubject(a));
    CHECK(stampSubject(std::vector<MailAddress>()).empty());
}
