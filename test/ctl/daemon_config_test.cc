// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/daemon_config.hh"
#include "test/support/fake_filter.hh"
#include "test/support/scratch_directory.hh"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace sluice;
using ctl::DaemonConfig;
using ctl::readDaemonConfig;

namespace {

using Values = std::vector<std::pair<std::string, std::string>>;

Values shown(const std::vector<DaemonConfig::Value>& values) {
    Values all;
    for (const auto& value : values)
        all.emplace_back(value.text, value.origin);
    return all;
}

DaemonConfig parsed(std::string_view text) {
    auto config = DaemonConfig::parse(text);
    REQUIRE_MESSAGE(config, config.error().message);
    return *std::move(config);
}

} // namespace

TEST_CASE("daemon config: what is no setting") {
    for (const char* const text : {"mode", "mode = observe  # default\nUsage: sluice-milter\n"}) {
        CAPTURE(text);
        CHECK(!DaemonConfig::parse(text));
    }
}

TEST_CASE("daemon config: values come with their origins, in order") {
    const auto config = parsed("mode = observe  # /etc/a.conf:3\n"
                               "# pid-file is not set  # default\n"
                               "block-sender = \"a b\"@x.example  # /etc/a b.conf:4\n"
                               "block-sender = \"# \"@x.example  # command line\n"
                               "badmail-dir = \"/var/bad mail\"  # /etc/a.conf:5\n"
                               "dnsbl = A a.example reply=\"no # here\"  # /etc/a.conf:6\n");
    CHECK(shown(config.values("mode")) == Values{{"observe", "/etc/a.conf:3"}});
    CHECK(shown(config.values("block-sender")) ==
          Values{{"\"a b\"@x.example", "/etc/a b.conf:4"}, {"\"# \"@x.example", "command line"}});
    CHECK(config.values("pid-file").empty());
    CHECK(config.values("no-such").empty());
    CHECK(config.word("badmail-dir") == "/var/bad mail");
    CHECK(config.word("pid-file").empty());
    CHECK(config.values("dnsbl").front().text == "A a.example reply=\"no # here\"");
}

TEST_CASE("daemon config: tables stand for their lines") {
    const test::ScratchDirectory directory;
    const std::string table = directory.path("lists");
    test::writeFile(table, "# ours\na@x.example\n\nb@x.example return-path=keep # old\n");
    const auto config = parsed(
        "list = @" + table + "  # f:1\nlist = c@x.example  # f:2\nrobot = @/nonexistent  # f:3\n");
    CHECK(config.values("list").size() == 2);
    const auto lists = config.allValues("list");
    REQUIRE(lists);
    CHECK(shown(*lists) == Values{{"a@x.example", table + ":2"},
                                  {"b@x.example return-path=keep", table + ":4"},
                                  {"c@x.example", "f:2"}});
    const auto robots = config.allValues("robot");
    REQUIRE(!robots);
    CHECK(robots.error().message.starts_with("f:3: robot: "));
}

TEST_CASE("daemon config: the filter is asked, and its complaints are handed on") {
    {
        const test::FakeFilter filter("echo \"mode = $1 $2 $3  # $3:1\"; echo noise >&2");
        const auto config = readDaemonConfig("/etc/my own.conf");
        REQUIRE_MESSAGE(config, config.error().message);
        CHECK(shown(config->values("mode")) ==
              Values{{"--print-config --config /etc/my own.conf", "/etc/my own.conf:1"}});
    }
    struct Case {
        const char* script;
        const char* error;
    };
    for (const Case& c : {
             Case{"printf 'f:1: bad \\033\\nf:2: bad\\nf:3: bad\\n3 problems\\n' >&2; exit 78",
                  "f:1: bad \\x1B (and 2 more: sluice-milter --check shows all)"},
             Case{"printf 'f:1: bad\\n1 problem\\n' >&2; exit 78", "f:1: bad"},
             Case{"echo mode = observe; exit 3",
                  "sluice-milter --print-config ends without a word"},
             Case{"kill -9 $$", "sluice-milter --print-config ends without a word"},
         }) {
        CAPTURE(c.script);
        const test::FakeFilter filter(c.script);
        const auto config = readDaemonConfig("f");
        REQUIRE(!config);
        CHECK(config.error().message == c.error);
    }
}

TEST_CASE("daemon config: without a filter that is said") {
    const test::FakeFilter none("");
    test::FakeFilter::setPath("/nonexistent");
    const auto config = readDaemonConfig("f");
    REQUIRE(!config);
    CHECK(config.error().message == "sluice-milter is neither beside sluicectl nor in PATH");
}
