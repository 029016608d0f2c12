// SPDX-License-Identifier: BSD-2-Clause
#include "common/keyring.hh"
#include "milter/ctl/key_file.hh"
#include "milter/ctl/keys_command.hh"
#include "test/support/capture_value.hh"
#include "test/support/scratch_directory.hh"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <vector>

using namespace sluice;

namespace {

const std::string hex(64, 'a');

struct Ran {
    int status;
    std::string out;
    std::string err;
};

Ran keys(const std::vector<std::string>& arguments) {
    std::ostringstream out;
    std::ostringstream err;
    const int status = ctl::keysCommand.run(arguments, out, err);
    return {status, out.str(), err.str()};
}

void writeKeyFile(const std::string& path, std::string_view text, mode_t mode = 0600) {
    test::writeFile(path, text);
    REQUIRE(::chmod(path.c_str(), mode) == 0);
}

struct stat statusOf(const std::string& path) {
    struct stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status;
}

std::vector<std::string> idsIn(const std::string& path) {
    const auto keyring = Keyring::read(path);
    REQUIRE_MESSAGE(keyring, (keyring ? "" : keyring.error().message));
    std::vector<std::string> ids;
    for (const Key& key : keyring->keys())
        ids.push_back(key.id);
    return ids;
}

} // namespace

TEST_CASE("words that keys does not know are errors of usage") {
    struct Row {
        std::vector<std::string> arguments;
        std::string complaint;
    };
    for (const auto& [arguments, complaint] : {
             Row{{}, "a word is missing: new"},
             Row{{"old"}, "\"old\" is not known"},
             Row{{"new", "a", "b"}, "\"b\" is one word too many"},
             Row{{"new", ""}, "\"\" is no file name"},
             Row{{"new", "--json"}, "\"--json\" is no file name"},
         }) {
        CAPTURE_VALUE(complaint);
        const Ran ran = keys(arguments);
        CHECK(ran.status == 64);
        CHECK(ran.out.empty());
        CHECK(ran.err == "sluicectl keys: " + complaint + " (sluicectl keys --help tells more)\n");
    }
}

TEST_CASE("files that cannot take a key stay as they are") {
    const test::ScratchDirectory directory;
    const std::string path = directory.path("keys");
    const auto refused = [&](std::string_view text, mode_t mode) {
        writeKeyFile(path, text, mode);
        const Ran ran = keys({"new", path});
        CHECK(ran.status == 73);
        CHECK(ran.out.empty());
        CHECK(test::readFile(path) == text);
        CHECK(statusOf(path).st_mode % 01000 == mode);
        CHECK(test::namesIn(directory.path()) == std::set<std::string>{"keys"});
        return ran.err;
    };
    CHECK(refused("key " + hex, 0640).find("(mode 0640, expected 0600)") != std::string::npos);
    CHECK(refused("key " + hex + "\nname = value\n", 0600) ==
          "sluicectl keys: " + path +
              ": line 2: \"name\" has 7 characters in place of 64 "
              "hexadecimal digits\n");
}

TEST_CASE("places where no file can be are named") {
    const test::ScratchDirectory directory;
    const std::string nowhere = directory.path("none/keys");
    const Ran ran = keys({"new", nowhere});
    CHECK(ran.status == 73);
    CHECK(ran.err.starts_with("sluicectl keys: " + nowhere));
    CHECK(ran.err.ends_with(": No such file or directory\n"));
    CHECK(keys({"new", directory.path()}).status == 73);
    std::filesystem::create_symlink("nowhere", directory.path("link"));
    CHECK(keys({"new", directory.path("link")}).status == 73);
    CHECK(test::namesIn(directory.path()) == std::set<std::string>{"link"});
}

TEST_CASE("without a file a line is printed, each time another one") {
    const Ran one = keys({"new"});
    CHECK(one.status == 0);
    CHECK(one.err.empty());
    const auto keyring = Keyring::parse(one.out);
    REQUIRE(keyring);
    CHECK(keyring->signer().line() + "\n" == one.out);
    CHECK(keys({"new"}).out != one.out);
}

TEST_CASE("a new file is made for its owner alone, whatever the mask is") {
    const test::ScratchDirectory directory;
    const std::string path = directory.path("keys");
    const mode_t mask = ::umask(0);
    const Ran ran = keys({"new", path});
    ::umask(mask);
    CHECK(ran.status == 0);
    const auto ids = idsIn(path);
    REQUIRE(ids.size() == 1);
    CHECK(statusOf(path).st_mode % 01000 == 0600);
    CHECK(ran.out == path + ": key " + ids[0] + " signs from the next reload on\n" + path +
                         ": is new; the filter's user must own it\n");
    CHECK(ran.out.find(Keyring::read(path)->signer().line().substr(9)) == std::string::npos);
    CHECK(test::namesIn(directory.path()) == std::set<std::string>{"keys"});
}

TEST_CASE("a new key stands above the one that signed, and older ones go") {
    const test::ScratchDirectory directory;
    const std::string path = directory.path("keys");
    writeKeyFile(path, "# ours\nfirst " + hex + " # of March\nsecond " + hex + "\nthird " + hex);
    const Ran ran = keys({"new", path});
    CHECK(ran.status == 0);
    const auto ids = idsIn(path);
    REQUIRE(ids.size() == 2);
    CHECK(ids[1] == "first");
    CHECK(test::readFile(path) ==
          "# ours\n" + Keyring::read(path)->signer().line() + "\nfirst " + hex + " # of March\n");
    CHECK(ran.out == path + ": key " + ids[0] + " signs from the next reload on\n" + path +
                         ": key first is still accepted\n");
    REQUIRE(keys({"new", path}).status == 0);
    CHECK(idsIn(path)[1] == ids[0]);
}

TEST_CASE("a file without keys gets its first one, and keeps its comments") {
    const test::ScratchDirectory directory;
    const std::string path = directory.path("keys");
    for (const char* text : {"", "# only this\n"}) {
        writeKeyFile(path, text);
        REQUIRE(keys({"new", path}).status == 0);
        CHECK(idsIn(path).size() == 1);
        CHECK(test::readFile(path).ends_with(text));
    }
}

TEST_CASE("a link stays, and the file that it stands for changes") {
    const test::ScratchDirectory directory;
    const std::string path = directory.path("keys");
    writeKeyFile(path, "first " + hex);
    std::filesystem::create_symlink("keys", directory.path("link"));
    REQUIRE(keys({"new", directory.path("link")}).status == 0);
    CHECK(S_ISLNK(statusOf(directory.path("link")).st_mode));
    CHECK(idsIn(path).size() == 2);
}

TEST_CASE("the owner of a file stays" * doctest::skip(::geteuid() != 0)) {
    const test::ScratchDirectory directory;
    const std::string path = directory.path("keys");
    writeKeyFile(path, "first " + hex);
    REQUIRE(::chown(path.c_str(), 4711, 4712) == 0);
    REQUIRE(keys({"new", path}).status == 0);
    CHECK(statusOf(path).st_uid == 4711);
    CHECK(statusOf(path).st_gid == 4712);
    CHECK(statusOf(path).st_mode % 01000 == 0600);
}
