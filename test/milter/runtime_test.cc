// SPDX-License-Identifier: BSD-2-Clause
#include "milter/runtime.hh"
#include "test/milter/config_file.hh"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice;

namespace {

/// The needs as letters: h(elo) d(ata) a(dd headers) c(hange headers) s(ender) r(ecipients)
/// q(uarantine) u(nknown recipients that the MTA refuses).
std::string needsFor(const std::string& text) {
    const test::ConfigFile file(text);
    CommandLine line;
    line.configFile = file.path();
    std::vector<Problem> problems;
    const MilterNeeds needs = needsOf(makeConfig(mergedSettings(line, problems), problems));
    REQUIRE(problems.empty());
    std::string letters;
    letters += needs.helo ? "h" : "";
    letters += needs.data ? "d" : "";
    letters += needs.addHeaders ? "a" : "";
    letters += needs.changeHeaders ? "c" : "";
    letters += needs.changeSender ? "s" : "";
    letters += needs.changeRecipients ? "r" : "";
    letters += needs.quarantine ? "q" : "";
    letters += needs.refusedRecipients ? "u" : "";
    return letters;
}

} // namespace

TEST_CASE("only the stages and edits that the configuration needs are asked for") {
    const std::string bare = "loop-action = reject\nharvest-limit = 0\n";
    CHECK(needsFor("") == "asqu");
    CHECK(needsFor(bare) == "as");
    CHECK(needsFor("mode = observe\n") == "u");
    CHECK(needsFor("mode = observe\nharvest-limit = 0\n").empty());
    CHECK(needsFor(bare + "deny-ip = 192.0.2.1\n") == "hdas");
    CHECK(needsFor(bare + "dnsbl = a list.example action=mark\n") == "as");
    CHECK(needsFor(bare + "block-sender = a@b.example\n") == "as");
    CHECK(needsFor(bare + "block-blank-sender = yes\nsender-action = drop\n") == "hdas");
    CHECK(needsFor(bare + "block-sender = <>\nsender-action = hold\n") == "asq");
    CHECK(needsFor(bare + "block-sender = <>\nsender-action = badmail\nbadmail-dir = /tmp\n") ==
          "has");
    CHECK(needsFor(bare + "list = a@b.example return-path=null\n") == "asr");
    CHECK(needsFor(bare + "robot = a@b.example\n") == "asr");
    const std::string merged = "local-domain = a.example\nrewrite-domain = a.example=b.example\n";
    CHECK(needsFor(bare + merged) == "acs");
    CHECK(needsFor(bare + merged + "mode = observe\n").empty());
}
