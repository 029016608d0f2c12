// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/usage.hh"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice::ctl;

namespace {

using Words = std::vector<std::string>;

constexpr const char* usage =
    "x list [--since TIME] [--sort size|age] [--dir DIR | --config FILE]\n"
    "x add|del NAME [--note TEXT] [--json]\n"
    "x purge ID…|--all|--older-than TIME [--to ADDRESS…]";

constexpr const char* plain = "y [LIST] [--json] [FILE…]\ny clear ID|--all [--json]";

std::string errorOf(const char* of, const Words& words) {
    const auto given = givenWords(of, words);
    return given ? "" : given.error().message;
}

} // namespace

TEST_CASE("usage: its ways, operands and options") {
    const auto ways = usageWays(usage);
    REQUIRE(ways.size() == 4);
    CHECK(ways[0].verb == "list");
    CHECK(ways[0].operands.empty());
    CHECK(ways[0].options == std::vector<UsageOption>{{"--since", "TIME", false},
                                                      {"--sort", "size|age", false},
                                                      {"--dir", "DIR", false},
                                                      {"--config", "FILE", false}});
    CHECK(ways[1].verb == "add");
    CHECK(ways[2].verb == "del");
    for (const auto& way : {ways[1], ways[2]}) {
        CHECK(way.operands == Words{"NAME"});
        CHECK(way.options ==
              std::vector<UsageOption>{{"--note", "TEXT", false}, {"--json", "", false}});
    }
    CHECK(ways[3].operands == Words{"ID"});
    CHECK(ways[3].options == std::vector<UsageOption>{{"--all", "", false},
                                                      {"--older-than", "TIME", false},
                                                      {"--to", "ADDRESS", true}});
    const auto others = usageWays(plain);
    CHECK(others[0].verb.empty());
    CHECK(others[0].operands == Words{"LIST", "FILE"});
    CHECK(others[0].options == std::vector<UsageOption>{{"--json", "", false}});
    CHECK(others[1].verb == "clear");
}

TEST_CASE("usage: words that it does not have") {
    struct Case {
        Words words;
        const char* error;
    };
    for (const Case& c : {
             Case{{}, "a word is missing: list, add, del, purge"},
             Case{{"--json"}, "a word is missing: list, add, del, purge"},
             Case{{"lists"}, "\"lists\" is none of: list, add, del, purge"},
             Case{{"list", "--sinc", "2h"}, "\"--sinc\" is no option"},
             Case{{"list", "-s"}, "\"-s\" is no option"},
             Case{{"list", "--\x1b"}, "\"--\\x1B\" is no option"},
             Case{{"list", "--json"}, "--json is not for list"},
             Case{{"--note", "x", "list"}, "--note is not for list"},
             Case{{"list", "--since"}, "--since needs TIME"},
             Case{{"list", "--since", "1h", "--since=2h"}, "--since is given twice"},
             Case{{"purge", "--all=yes"}, "--all takes no value"},
         }) {
        CAPTURE(c.words);
        CHECK(errorOf(usage, c.words) == c.error);
    }
}

TEST_CASE("usage: words that it has") {
    const auto given = givenWords(usage, {"--to", "a@x", "purge", "1", "-", "--to=b@x",
                                          "--older-than", "--all", "--", "--all", "x"});
    REQUIRE_MESSAGE(given, given.error().message);
    CHECK(given->verb() == "purge");
    CHECK(given->operands() == Words{"1", "-", "--all", "x"});
    CHECK(given->values("--to") == Words{"a@x", "b@x"});
    CHECK(given->value("--older-than") == "--all");
    CHECK_FALSE(given->has("--all"));
    CHECK(given->value("--all").empty());
}
