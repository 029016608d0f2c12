// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/badmail_archive.hh"
#include "test/support/scratch_directory.hh"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace sluice {
namespace {

using test::namesIn;
using test::ScratchDirectory;
using test::writeFile;

namespace fs = std::filesystem;

std::string store(const std::string& directory, std::string_view octets,
                  const BadmailEnvelope& envelope) {
    const auto filter = BadmailStore::open({.directory = directory});
    REQUIRE_MESSAGE(filter, filter.error().message);
    const auto message = (*filter)->begin();
    message->append(octets);
    const auto path = message->commit(envelope);
    REQUIRE_MESSAGE(path, path.error().message);
    return fs::path(*path).stem();
}

BadmailEnvelope envelope() {
    return {.time = "2026-01-31T12:00:00Z",
            .queueId = "4ABC",
            .clientAddress = "192.0.2.1",
            .clientName = "client.example",
            .helo = "client",
            .sender = "<from@example.com>",
            .recipients = {"<a@example.org>", "<b@example.org>"},
            .rule = "block-sender @example.com"};
}

BadmailArchive archiveOf(const std::string& directory) {
    auto archive = BadmailArchive::open(directory);
    REQUIRE_MESSAGE(archive, archive.error().message);
    return *std::move(archive);
}

TEST_CASE("badmail archive: what is no id never names a file") {
    const ScratchDirectory scratch;
    fs::create_directory(scratch.path("new"));
    writeFile(scratch.path("outside.eml"), "secret");
    writeFile(scratch.path("new/.hidden.eml"), "secret");
    const auto archive = archiveOf(scratch.path());
    for (const std::string& id :
         std::vector<std::string>{"", ".", "..", "../outside", ".hidden", "/etc/passwd", "a/b",
                                  "a b", "a\nb", std::string("a\0b", 3), "\x1b[31m", "a_b", "*"}) {
        CAPTURE(id);
        CHECK_FALSE(isBadmailId(id));
        CHECK_FALSE(archive.find(id));
        CHECK_FALSE(archive.text(id, 1));
        CHECK_FALSE(archive.hold(id));
        CHECK_FALSE(archive.remove(id));
    }
    CHECK_FALSE(isBadmailId(std::string(251, 'a')));
    CHECK(isBadmailId(std::string(250, 'a')));
    CHECK(archive.find("\x1b").error().message == "\"\\x1B\" is no id of a message");
    CHECK(namesIn(scratch.path("new")).size() == 1);
    CHECK(archive.ids()->empty());
}

TEST_CASE("badmail archive: what is no badmail directory, and what is not there") {
    const ScratchDirectory scratch;
    CHECK(BadmailArchive::open("/nonexistent").error().message ==
          "/nonexistent: No such file or directory");
    CHECK(BadmailArchive::open(scratch.path()).error().message.find("/new: No such file") !=
          std::string::npos);
    fs::create_directory(scratch.path("new"));
    const auto archive = archiveOf(scratch.path());
    CHECK(archive.find("1.a").error().message == "1.a: there is no such message");
    CHECK(archive.remove("1.a").error().message == "1.a: there is no such message");
    fs::create_directory(scratch.path("new/1.d.eml"));
    CHECK(archive.text("1.d", 10).error().message == "1.d: not a file");
    writeFile(scratch.path("secret"), "secret");
    fs::create_symlink(scratch.path("secret"), scratch.path("new/1.s.eml"));
    CHECK_FALSE(archive.text("1.s", 10));
    CHECK_FALSE(archive.find("1.s"));
}

TEST_CASE("badmail archive: messages as the filter has stored them") {
    const ScratchDirectory scratch;
    const std::string id = store(scratch.path(), "Subject: x\r\n\r\nbody\r\n", envelope());
    const auto archive = archiveOf(scratch.path());
    CHECK(*archive.ids() == std::vector<std::string>{id});
    const auto found = archive.find(id);
    REQUIRE(found);
    CHECK(found->id == id);
    CHECK(found->size == 20);
    CHECK(std::chrono::system_clock::now() - found->time < std::chrono::minutes(5));
    REQUIRE(found->envelope);
    CHECK(found->envelope->time == "2026-01-31T12:00:00Z");
    CHECK(found->envelope->queueId == "4ABC");
    CHECK(found->envelope->clientAddress == "192.0.2.1");
    CHECK(found->envelope->clientName == "client.example");
    CHECK(found->envelope->helo == "client");
    CHECK(found->envelope->sender == "<from@example.com>");
    CHECK(found->envelope->recipients ==
          std::vector<std::string>{"<a@example.org>", "<b@example.org>"});
    CHECK(found->envelope->rule == "block-sender @example.com");
    CHECK(*archive.text(id, 10) == "Subject: x");
    CHECK(archive.text(id, 1000)->size() == 20);
    CHECK(archive.remove(id));
    CHECK(namesIn(scratch.path("new")).empty());
}

TEST_CASE("badmail archive: the latest message is the first, whatever its sidecar says") {
    const ScratchDirectory scratch;
    fs::create_directory(scratch.path("new"));
    for (const char* const id : {"999999999.a", "1700000000.M000002.h", "1700000000.M000001.h"})
        writeFile(scratch.path("new/" + std::string(id) + ".eml"), "x");
    writeFile(scratch.path("new/999999999.a.json"),
              "{\"sender\": 7, \"recipients\": [1, \"<a@b>\"]}");
    writeFile(scratch.path("new/1700000000.M000001.h.json"), "{\"sender\": \"cut");
    writeFile(scratch.path("new/notes.txt"), "x");
    const auto archive = archiveOf(scratch.path());
    for (int again = 0; again < 2; ++again)
        CHECK(*archive.ids() == std::vector<std::string>{"1700000000.M000002.h",
                                                         "1700000000.M000001.h", "999999999.a"});
    CHECK_FALSE(archive.find("1700000000.M000001.h")->envelope);
    CHECK_FALSE(archive.find("1700000000.M000002.h")->envelope);
    const auto odd = archive.find("999999999.a");
    REQUIRE(odd->envelope);
    CHECK(odd->envelope->sender.empty());
    CHECK(odd->envelope->recipients == std::vector<std::string>{"<a@b>"});
    CHECK(std::chrono::system_clock::to_time_t(odd->time) == 999999999);
}

TEST_CASE("badmail archive: one at a time may hold a message") {
    const ScratchDirectory scratch;
    const std::string id = store(scratch.path(), "x", envelope());
    const auto archive = archiveOf(scratch.path());
    {
        const auto held = archive.hold(id);
        REQUIRE(held);
        CHECK(archive.hold(id).error().message == id + ": somebody else is about to release it");
    }
    CHECK(archive.hold(id));
}

TEST_CASE("badmail archive: a running filter notes what was removed") {
    const ScratchDirectory scratch;
    const auto filter = BadmailStore::open({.directory = scratch.path(), .quota = 10'000}).value();
    const auto put = [&] {
        const auto message = filter->begin();
        message->append(std::string(9000, 'x'));
        return message->commit(envelope());
    };
    const auto path = put();
    REQUIRE(path);
    const auto archive = archiveOf(scratch.path());
    // the clock of a file system ticks slowly
    fs::last_write_time(scratch.path(), fs::file_time_type::clock::now() - std::chrono::hours(1));
    filter->refresh();
    CHECK(archive.remove(fs::path(*path).stem()));
    CHECK_FALSE(put());
    CHECK(archive.noteRemovals());
    filter->refresh();
    CHECK(put());
}

} // namespace
} // namespace sluice
