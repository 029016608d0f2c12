// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/stored_message.hh"
#include "test/support/scratch_directory.hh"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

using namespace sluice;

TEST_CASE("a stored message is taken apart, however it was written") {
    struct Case {
        const char* text;
        const char* headers;
        const char* body;
        bool nullSender;
    };
    const std::vector<Case> cases = {
        {"", "", "", false},
        {"\n", "", "", false},
        {"no field", "", "no field", false},
        {" fold of nothing\n\nx", "", " fold of nothing\n\nx", false},
        {": x\n", "", ": x\n", false},
        {"A: 1", "A: 1\r\n", "", false},
        {"A: 1\n\n", "A: 1\r\n", "", false},
        {"A: 1\r\nB:\r\n  2\r\n\r\nx\r\n", "A: 1\r\nB:\r\n  2\r\n", "x\r\n", false},
        {"A : 1\n\nx", "A: 1\r\n", "x", false},
        {"A: 1\nx y\n", "A: 1\r\n", "x y\n", false},
        {"Return-Path: <>\n\n", "Return-Path: <>\r\n", "", true},
        {"Return-Path: <MAILER-DAEMON@b.example>\n", "Return-Path: <MAILER-DAEMON@b.example>\r\n",
         "", true},
        {"Return-path:\n <>\nReturn-Path: <a@b.example>\n\n",
         "Return-path:\r\n <>\r\nReturn-Path: <a@b.example>\r\n", "", true},
        {"From a@b.example Mon Feb  3\nA: 1\n\n", "A: 1\r\n", "", false},
        {"From MAILER-DAEMON Mon Feb  3\nA: 1\n\n", "A: 1\r\n", "", true},
        {"From MAILER-DAEMON Mon\nReturn-Path: <a@b.example>\n\n", "Return-Path: <a@b.example>\r\n",
         "", false},
        {"From ", "", "", false},
    };
    for (const auto& one : cases) {
        INFO(one.text);
        const ctl::StoredMessage message = ctl::parseStoredMessage(one.text);
        CHECK(message.headers.text() == one.headers);
        CHECK(message.body == one.body);
        CHECK(message.nullSender == one.nullSender);
    }
}

TEST_CASE("files: no more than is wanted, a directory in order") {
    const test::ScratchDirectory directory;
    const std::string& top = directory.path();
    CHECK_FALSE(ctl::storedFiles(top + "/none"));
    CHECK_FALSE(ctl::readStoredText(top + "/none", 10));
    CHECK_FALSE(ctl::readStoredText(top, 10));
    std::filesystem::create_directory(directory.path("b"));
    for (const char* name : {"/c", "/b/x", "/a"})
        test::writeFile(top + name, "0123456789");
    const auto files = ctl::storedFiles(top);
    REQUIRE(files);
    CHECK(*files == std::vector<std::string>{top + "/a", top + "/b/x", top + "/c"});
    CHECK(*ctl::storedFiles("-") == std::vector<std::string>{"-"});
    CHECK(*ctl::readStoredText(top + "/a", 4) == "0123");
    CHECK(*ctl::readStoredText(top + "/a", 100) == "0123456789");
}
