// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/command.hh"

#include <doctest/doctest.h>

#include <array>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

using namespace sluice::ctl;

namespace {

int echo(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    for (const std::string& argument : arguments)
        out << '[' << argument << ']';
    err << "echoed";
    return static_cast<int>(arguments.size());
}

constexpr std::array commands{
    Command{"echo", "Say it again", "echo WORD…\necho --", "A paragraph.", echo},
    Command{"second", "Do it", "second", "", echo},
};

struct Ran {
    int status;
    std::string out;
    std::string err;
};

Ran run(const std::vector<std::string>& arguments) {
    std::ostringstream out;
    std::ostringstream err;
    const int status = runCommand(commands, arguments, out, err);
    return {status, out.str(), err.str()};
}

const std::string overview = "Usage: sluicectl COMMAND …\n\n"
                             "  echo    Say it again\n"
                             "  second  Do it\n\n"
                             "sluicectl COMMAND --help tells more of one, sluicectl --version "
                             "which release this is.\n";

} // namespace

TEST_CASE("no command and unknown commands are errors of usage") {
    const Ran none = run({});
    CHECK(none.status == 64);
    CHECK(none.out.empty());
    CHECK(none.err == overview);
    for (const char* word : {"", "ech", "ECHO", "--json", "-"}) {
        CAPTURE(word);
        const Ran unknown = run({word, "--help"});
        CHECK(unknown.status == 64);
        CHECK(unknown.out.empty());
        CHECK(unknown.err == "sluicectl: \"" + std::string(word) +
                                 "\" is no command (sluicectl --help lists them)\n");
    }
    CHECK(run({"\x1B[31m"}).err.starts_with("sluicectl: \"\\x1B[31m\" is no command"));
}

TEST_CASE("a command gets the words behind its name, and its status is the program's") {
    const Ran ran = run({"echo", "a", "", "b c"});
    CHECK(ran.status == 3);
    CHECK(ran.out == "[a][][b c]");
    CHECK(ran.err == "echoed");
    CHECK(run({"second"}).status == 0);
}

TEST_CASE("help is shown where it is asked for, and nothing else is done") {
    for (const char* word : {"--help", "-h"}) {
        CAPTURE(word);
        const Ran all = run({word});
        CHECK(all.status == 0);
        CHECK(all.out == overview);
        CHECK(all.err.empty());
        const Ran one = run({"echo", "a", word});
        CHECK(one.status == 0);
        CHECK(one.err.empty());
        CHECK(one.out == "Usage: sluicectl echo WORD…\n       sluicectl echo --\n\n"
                         "Say it again.\n\nA paragraph.\n");
    }
    CHECK(run({"second", "--help"}).out == "Usage: sluicectl second\n\nDo it.\n");
    CHECK(run({"echo", "--", "--help"}).out == "[--][--help]");
    CHECK(run({"--version"}).out.starts_with("sluicectl "));
}

TEST_CASE("output that cannot be written is an error") {
    std::ostringstream out;
    std::ostringstream err;
    out.setstate(std::ios::badbit);
    CHECK(runCommand(commands, {"second"}, out, err) == 74);
    CHECK(err.str() == "echoedsluicectl: the output could not be written\n");
}
