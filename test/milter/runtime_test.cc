// SPDX-License-Identifier: BSD-2-Clause
#include "milter/runtime.hh"
#include "test/milter/config_file.hh"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice;

namespace {

/// The needs as letters: h(elo) r(cpt) d(ata) H(eaders) b(ody) a(dd headers) q(uarantine).
std::string needsFor(const std::string& text) {
    const test::ConfigFile file(text);
    CommandLine line;
    line.configFile = file.path();
    std::vector<Problem> problems;
    const MilterNeeds needs = needsOf(makeConfig(mergedSettings(line, problems), problems));
    REQUIRE(problems.empty());
    std::string letters;
    letters += needs.helo ? "h" : "";
    letters += needs.rcpt ? "r" : "";
    letters += needs.data ? "d" : "";
    letters += needs.headers ? "H" : "";
    letters += needs.body ? "b" : "";
    letters += needs.addHeaders ? "a" : "";
    letters += needs.quarantine ? "q" : "";
    return letters;
}

} // namespace

TEST_CASE("only the stages and edits that the configuration needs are asked for") {
    const std::string bare = "max-recipients = 0\nmax-hops = 0\n";
    CHECK(needsFor(bare).empty());
    CHECK(needsFor("") == "rH");
    CHECK(needsFor(bare + "deny-ip = 192.0.2.1\n") == "hd");
    CHECK(needsFor(bare + "dnsbl = a list.example\n") == "r");
    CHECK(needsFor(bare + "dnsbl = a list.example action=mark\n") == "ra");
    CHECK(needsFor(bare + "mode = observe\ndnsbl = a list.example action=mark\n") == "r");
    CHECK(needsFor(bare + "block-recipient = a@b.example\n") == "r");
    CHECK(needsFor(bare + "restrict-recipient = a@b.example except=c@d.example\n") == "r");
    CHECK(needsFor(bare + "block-sender = a@b.example\n") == "H");
    CHECK(needsFor(bare + "block-sender = a@b.example\ncheck-from-header = no\n").empty());
    CHECK(needsFor(bare + "block-blank-sender = yes\nsender-action = drop\n") == "hdH");
    CHECK(needsFor(bare + "block-sender = <>\nsender-action = hold\n") == "Hq");
    CHECK(needsFor(bare + "block-sender = <>\nsender-action = badmail\nbadmail-dir = /tmp\n") ==
          "hrHb");
    CHECK(needsFor(bare + "max-size = 1M\n") == "Hb");
    CHECK(needsFor(bare + "max-session-size = 1M\n") == "Hb");
    CHECK(needsFor(bare + "local-domain = a.example\nspoof-check = mark\n") == "Ha");
}
