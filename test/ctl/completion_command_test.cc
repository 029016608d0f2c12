// SPDX-License-Identifier: BSD-2-Clause
#include "common/text.hh"
#include "milter/ctl/completion_command.hh"
#include "test/support/scratch_directory.hh"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sysexits.h>

#include <array>
#include <cstdio>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

using namespace sluice;
using ctl::Command;

namespace {

const std::array commands{
    Command{"fetch", "",
            "fetch list [--since TIME] [--dir DIR | --sort size|age] [--json]\n"
            "fetch get|put ID [--all] [--json]",
            "", nullptr},
    Command{"files", "", "files [--json] FILE…", "", nullptr},
    Command{"bare", "", "bare", "", nullptr},
    ctl::completionCommand,
};

struct Close {
    void operator()(std::FILE* pipe) const { ::pclose(pipe); }
};

/// What bash offers for the last of these words, in a directory with the file `afile`.
std::string offered(const std::vector<std::string>& words) {
    const test::ScratchDirectory directory;
    std::ostringstream script;
    std::ostringstream err;
    REQUIRE(ctl::runCommand(commands, {"completion", "bash"}, script, err) == EX_OK);
    std::string all = "sluicectl";
    for (const std::string& word : words)
        all += " '" + word + "'";
    test::writeFile(directory.path("afile"), "");
    test::writeFile(directory.path("run"),
                    script.str() + fmt::format("COMP_WORDS=({})\nCOMP_CWORD={}\n_sluicectl\n"
                                               "echo \"${{COMPREPLY[*]}}\"\n",
                                               all, words.size()));
    const std::unique_ptr<std::FILE, Close> bash(
        ::popen(fmt::format("cd {} && bash -u run 2>&1", directory.path()).c_str(), "re"));
    REQUIRE(bash != nullptr);
    std::array<char, 4096> answer{};
    const auto octets = std::fread(answer.data(), 1, answer.size(), bash.get());
    return std::string(trim({answer.data(), octets}));
}

} // namespace

TEST_CASE("completion: shells that it does not know") {
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"completion"},
                                               {"completion", "csh"},
                                               {"completion", "bash", "x"},
                                               {"completion", "bash", "--json"}}) {
        std::ostringstream out;
        std::ostringstream err;
        CHECK(ctl::runCommand(commands, words, out, err) == EX_USAGE);
        CHECK(out.str().empty());
    }
}

TEST_CASE("completion: what bash offers") {
    struct Case {
        std::vector<std::string> words;
        const char* offered;
    };
    for (const Case& c : {
             Case{{"x"}, ""},
             Case{{"x", ""}, ""},
             Case{{"bare", ""}, ""},
             Case{{"bare", "-"}, "--help"},
             Case{{""}, "fetch files bare completion --help --version"},
             Case{{"f"}, "fetch files"},
             Case{{"--v"}, "--version"},
             Case{{"fetch", ""}, "list get put"},
             Case{{"fetch", "l"}, "list"},
             Case{{"fetch", "list", ""}, ""},
             Case{{"fetch", "list", "--"}, "--since --dir --sort --json --help"},
             Case{{"fetch", "put", "--a"}, "--all"},
             Case{{"fetch", "list", "--a"}, ""},
             Case{{"fetch", "--json", ""}, "list get put"},
             Case{{"fetch", "--json", "put", "--a"}, "--all"},
             Case{{"fetch", "list", "--since", ""}, ""},
             Case{{"fetch", "list", "--dir", "a"}, "afile"},
             Case{{"fetch", "list", "--sort", "="}, "size age"},
             Case{{"fetch", "list", "--dir", "=", "a"}, "afile"},
             Case{{"fetch", "list", "--sort", ""}, "size age"},
             Case{{"files", "a"}, "afile"},
             Case{{"files", "--"}, "--json --help"},
             Case{{"completion", ""}, "bash"},
         }) {
        std::string words;
        for (const std::string& word : c.words)
            words += word + "|";
        CAPTURE(words);
        CHECK(offered(c.words) == std::string(c.offered));
    }
}
