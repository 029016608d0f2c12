// SPDX-License-Identifier: BSD-2-Clause
#include "common/keyring.hh"
#include "common/secret_file.hh"
#include "test/support/capture_value.hh"
#include "test/support/scratch_directory.hh"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

using sluice::Key;
using sluice::Keyring;

namespace {

const std::string hexA(64, 'a');
const std::string hexB = "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff";

/// What the parser complains of, or an empty text.
std::string complaint(const std::string& text) {
    const auto keyring = Keyring::parse(text);
    return keyring ? "" : keyring.error().message;
}

std::string keyFile(const sluice::test::ScratchDirectory& directory, std::string_view text,
                    mode_t mode) {
    std::string path = directory.path("keys");
    sluice::test::writeFile(path, text);
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    return path;
}

} // namespace

TEST_CASE("key files that are wrong are refused, with the line and without the secret") {
    struct Row {
        std::string text;
        std::string complaint;
    };
    const std::string noId = " is no id of a key (1 to 8 of a-z and 2-7)";
    const std::string short63(63, 'a');
    std::string badDigit = hexA;
    badDigit[10] = 'g';
    for (const auto& [text, expected] : {
             Row{"", "holds no key (make one with sluicectl keys new)"},
             Row{"# nothing\n\n   \n", "holds no key (make one with sluicectl keys new)"},
             Row{"key", "line 1: the secret of \"key\" is missing"},
             Row{"key #" + hexA, "line 1: the secret of \"key\" is missing"},
             Row{"\nKEY " + hexA, "line 2: \"KEY\"" + noId},
             Row{"key1 " + hexA, "line 1: \"key1\"" + noId},
             Row{"abcdefghi " + hexA, "line 1: \"abcdefghi\"" + noId},
             Row{"a\x1B[m " + hexA, "line 1: \"a\\x1B[m\"" + noId},
             Row{hexA + " key", "line 1: a word of 64 octets" + noId},
             Row{hexA, "line 1: a word of 64 octets" + noId},
             Row{"key " + short63,
                 "line 1: \"key\" has 63 characters in place of 64 hexadecimal digits"},
             Row{"key " + hexA + "a",
                 "line 1: \"key\" has 65 characters in place of 64 hexadecimal digits"},
             Row{"key " + hexA + " more",
                 "line 1: \"key\" has 69 characters in place of 64 hexadecimal digits"},
             Row{"key " + badDigit,
                 "line 1: character 11 of the secret of \"key\" is no hexadecimal digit"},
             Row{"key " + hexA.substr(1) + "-",
                 "line 1: character 64 of the secret of \"key\" is no hexadecimal digit"},
             Row{"key " + hexA + "\nother " + hexA + "\nkey " + hexB,
                 "line 3: the id \"key\" comes twice"},
         }) {
        CAPTURE_VALUE(text);
        CHECK(complaint(text) == expected);
    }
}

TEST_CASE("the first key signs, the first two are accepted") {
    const auto keyring = Keyring::parse("# keys\r\n  new\t" + hexA + "  # of today\r\n\r\nold " +
                                        hexB + "\nolder2 " + hexA + "\n");
    REQUIRE(keyring);
    CHECK(keyring->signer().id == "new");
    CHECK(keyring->keys().size() == 3);
    REQUIRE(keyring->accepted("new") != nullptr);
    REQUIRE(keyring->accepted("old") != nullptr);
    CHECK(keyring->accepted("old")->secret[10] == 0xAA);
    CHECK(keyring->accepted("old")->secret[31] == 0xFF);
    CHECK(keyring->accepted("older2") == nullptr);
    CHECK(keyring->accepted("") == nullptr);
    CHECK(keyring->accepted("NEW") == nullptr);

    const auto one = Keyring::parse("only " + hexB);
    REQUIRE(one);
    CHECK(one->accepted("only") == &one->signer());
}

TEST_CASE("a key writes the line that it is read from") {
    const auto keyring = Keyring::parse("abcd2345 " + hexB);
    REQUIRE(keyring);
    CHECK(keyring->signer().line() ==
          "abcd2345 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
}

TEST_CASE("random keys differ in id and secret, and can be read back") {
    std::set<std::string> ids;
    std::set<std::array<std::uint8_t, Key::octets>> secrets;
    for (int i = 0; i < 100; ++i) {
        const Keyring keyring = Keyring::random();
        ids.insert(keyring.signer().id);
        secrets.insert(keyring.signer().secret);
        const auto read = Keyring::parse(keyring.signer().line());
        REQUIRE(read);
        CHECK(read->signer().secret == keyring.signer().secret);
    }
    CHECK(ids.size() == 100);
    CHECK(secrets.size() == 100);
}

TEST_CASE("a file that others may read or write is refused") {
    const sluice::test::ScratchDirectory directory;
    for (const mode_t mode : {0640U, 0604U, 0620U, 0602U, 0610U, 0601U, 0777U}) {
        CAPTURE(mode);
        const std::string path = keyFile(directory, "key " + hexA, mode);
        const auto keyring = Keyring::read(path);
        REQUIRE_FALSE(keyring);
        CHECK(keyring.error().message.starts_with(
            path + ": holds secrets, but others than its owner have rights to it (mode 0"));
    }
    for (const mode_t mode : {0600U, 0400U, 0700U}) {
        CAPTURE(mode);
        const auto keyring = Keyring::read(keyFile(directory, "key " + hexA, mode));
        REQUIRE(keyring);
        CHECK(keyring->signer().id == "key");
        REQUIRE(::unlink(directory.path("keys").c_str()) == 0);
    }
}

TEST_CASE("what is no key file is refused, and named") {
    const sluice::test::ScratchDirectory directory;
    const auto complaintOf = [](const std::string& path) {
        const auto keyring = Keyring::read(path);
        return keyring ? "" : keyring.error().message.substr(path.size());
    };
    CHECK(complaintOf(directory.path("none")) == ": cannot be opened: No such file or directory");
    CHECK(complaintOf(directory.path()) == ": not a regular file");
    REQUIRE(::mkfifo(directory.path("pipe").c_str(), 0600) == 0);
    CHECK(complaintOf(directory.path("pipe")) == ": not a regular file");
    const std::string large(sluice::longestSecretFile + 1, '\n');
    CHECK(complaintOf(keyFile(directory, large, 0600)) == ": longer than 65536 octets");
    CHECK(complaintOf(keyFile(directory, "\n\nkey abc", 0600)) ==
          ": line 3: \"key\" has 3 characters in place of 64 hexadecimal digits");
}
