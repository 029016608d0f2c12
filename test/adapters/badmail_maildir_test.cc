// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/badmail_maildir.hh"
#include "milter/adapters/badmail_usage.hh"
#include "test/support/captured_stderr.hh"
#include "test/support/scratch_directory.hh"
#include "test/support/text_shape.hh"
#include "test/support/thread_of_its_own.hh"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::namesIn;
using test::readFile;
using test::ScratchDirectory;
using test::writeFile;

namespace fs = std::filesystem;

std::shared_ptr<BadmailStore> openStore(const std::string& directory,
                                        std::uint64_t quota = 1ULL << 30) {
    auto store = BadmailStore::open({.directory = directory, .quota = quota});
    REQUIRE_MESSAGE(store.has_value(), store.error().message);
    return *store;
}

BadmailEnvelope envelope() {
    return {.time = "2026-01-31T12:00:00Z",
            .queueId = "4ABC",
            .clientAddress = "192.0.2.1",
            .clientName = "client.example",
            .helo = "client",
            .sender = "<from@example.com>",
            .recipients = {"<a@example.org>", "<b@example.org>"},
            .rule = "block-sender"};
}

Result<std::string> storeMessage(BadmailStore& store, std::string_view octets) {
    const auto message = store.begin();
    message->append(octets);
    return message->commit(envelope());
}

/// Neither messages nor anything half done.
void checkEmpty(const std::string& directory) {
    CHECK(namesIn(directory + "/tmp").empty());
    CHECK(namesIn(directory + "/new").empty());
}

std::uint64_t octetsIn(const std::string& directory) {
    std::uint64_t octets = 0;
    for (const auto& name : namesIn(directory))
        octets += fs::file_size(directory + "/" + name);
    return octets;
}

std::string sidecarOf(const std::string& messagePath) {
    return fs::path(messagePath).replace_extension(".json");
}

void age(const std::string& path, std::chrono::hours by) {
    fs::last_write_time(path, fs::file_time_type::clock::now() - by);
}

TEST_CASE("badmail: directories that cannot be used") {
    const ScratchDirectory scratch;
    const auto errorOf = [](const std::string& directory) {
        const auto store = BadmailStore::open({.directory = directory});
        return store ? "opened" : store.error().message;
    };
    CHECK(errorOf("") == ": No such file or directory");
    CHECK(errorOf(scratch.path("none")) == scratch.path("none") + ": No such file or directory");
    writeFile(scratch.path("file"), "x");
    CHECK(errorOf(scratch.path("file")) == scratch.path("file") + ": not a directory");
    fs::create_directory(scratch.path("a"));
    writeFile(scratch.path("a/new"), "in the way");
    CHECK(errorOf(scratch.path("a")) == scratch.path("a/new") + ": not a directory");

    fs::create_directory(scratch.path("roots"));
    openStore(scratch.path("roots"));
    chmod(scratch.path().c_str(), 0755);
    const bool ran = test::asNobody([&] {
        CHECK(errorOf(scratch.path("roots")) == scratch.path("roots/tmp") + ": Permission denied");
    });
    if (!ran)
        MESSAGE("skipped: no right to change the user");
}

TEST_CASE("badmail: directories on two file systems, and a read-only one") {
    const bool ran = test::withOwnMounts([] {
        const ScratchDirectory scratch;
        fs::create_directory(scratch.path("tmp"));
        REQUIRE(mount("none", scratch.path("tmp").c_str(), "tmpfs", 0, "size=64k") == 0);
        const auto store = BadmailStore::open({.directory = scratch.path()});
        REQUIRE_FALSE(store.has_value());
        CHECK(store.error().message.find("not on one file system") != std::string::npos);
        REQUIRE(mount("none", scratch.path("tmp").c_str(), "", MS_REMOUNT | MS_RDONLY, "") == 0);
        const auto readOnly = BadmailStore::open({.directory = scratch.path()});
        REQUIRE_FALSE(readOnly.has_value());
        CHECK(readOnly.error().message == scratch.path("tmp") + ": Read-only file system");
        umount(scratch.path("tmp").c_str());
    });
    if (!ran)
        MESSAGE("skipped: no right to mount");
}

TEST_CASE("badmail: a message is kept octet by octet, in whatever pieces it comes") {
    const ScratchDirectory scratch;
    const auto store = openStore(scratch.path());
    std::mt19937 random(4711);
    std::string octets = "Subject:  \t as sent \r\n\r\n";
    for (int i = 0; i < 300'000; ++i)
        octets += static_cast<char>(random() & 0xff);
    for (const std::size_t piece : {1UL, 7UL, 1000UL, 16'384UL, 16'385UL, 65'536UL, 1'000'000UL}) {
        CAPTURE(piece);
        const auto message = store->begin();
        for (std::size_t at = 0; at < octets.size(); at += piece)
            message->append(std::string_view(octets).substr(at, piece));
        const auto path = message->commit(envelope());
        REQUIRE(path.has_value());
        CHECK((readFile(*path) == octets));
    }
    CHECK(readFile(storeMessage(*store, "").value()).empty());
    CHECK(namesIn(scratch.path("tmp")).empty());
    CHECK(namesIn(scratch.path("new")).size() == 16);
}

TEST_CASE("badmail: names, modes and sidecar") {
    const ScratchDirectory scratch;
    const auto store = openStore(scratch.path());
    auto hostile = envelope();
    hostile.queueId = "../../etc/x";
    hostile.sender = "<\xff\xfe@ex\"ample>";
    hostile.recipients = {"<a\nb>", std::string("<\0>", 3)};
    hostile.time.clear();
    const auto message = store->begin();
    message->append("A: b\r\n\r\n");
    const auto path = message->commit(hostile).value();

    const std::string name = fs::path(path).filename();
    CHECK(fs::path(path).parent_path() == scratch.path("new"));
    CHECK(name.find_first_not_of(
              "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-") ==
          std::string::npos);
    CHECK(test::hasShape(name.substr(0, 19), "dddddddddd.MddddddP"));
    CHECK(name.ends_with(".eml"));
    const auto modeOf = [](const std::string& file) {
        struct stat status {};
        REQUIRE(stat(file.c_str(), &status) == 0);
        return status.st_mode & 07777;
    };
    CHECK(modeOf(path) == 0600);
    CHECK(modeOf(sidecarOf(path)) == 0600);
    CHECK(modeOf(scratch.path("tmp")) == 0700);
    CHECK(modeOf(scratch.path("new")) == 0700);

    const auto text = readFile(sidecarOf(path));
    CHECK(text.find("\n  \"sender\": ") != std::string::npos);
    const auto sidecar = nlohmann::json::parse(text);
    CHECK(sidecar["sender"] == "<\uFFFD\uFFFD@ex\"ample>");
    CHECK(sidecar["recipients"] == std::vector<std::string>{"<a\nb>", std::string("<\0>", 3)});
    CHECK(sidecar["queueId"] == "../../etc/x");
    CHECK(sidecar["clientAddress"] == "192.0.2.1");
    CHECK(sidecar["clientName"] == "client.example");
    CHECK(sidecar["helo"] == "client");
    CHECK(sidecar["rule"] == "block-sender");
    CHECK(sidecar["size"] == 8);
    CHECK(sidecar["file"] == name);
    CHECK(test::hasShape(sidecar["time"].get<std::string>(), test::timestampShape));
    CHECK(nlohmann::json::parse(readFile(sidecarOf(storeMessage(*store, "x").value())))["time"] ==
          "2026-01-31T12:00:00Z");
}

TEST_CASE("badmail: without commit() nothing stays, and it is taken once") {
    const ScratchDirectory scratch;
    auto store = openStore(scratch.path(), 10'000);
    for (int i = 0; i < 3; ++i)
        store->begin()->append(std::string(9000, 'x')); // each needs the quota of the one before
    checkEmpty(scratch.path());

    auto message = store->begin();
    message->append("first\r\n");
    store.reset(); // a message may outlive the store
    const auto path = message->commit(envelope()).value();
    message->append("later\r\n");
    CHECK_FALSE(message->commit(envelope()).has_value());
    message.reset();
    CHECK(readFile(path) == "first\r\n");
    CHECK(fs::exists(sidecarOf(path)));
}

TEST_CASE("badmail: the quota holds for messages and sidecars, and gives back what failed") {
    const ScratchDirectory scratch;
    const auto first = storeMessage(*openStore(scratch.path()), std::string(5000, 'x')).value();
    const auto used = octetsIn(scratch.path("new"));
    const auto sidecarOctets = used - 5000;

    // what is there at open counts, to the octet
    constexpr std::uint64_t more = 40'000;
    const auto store = openStore(scratch.path(), used + more);
    const auto refused = [&](std::uint64_t octets) {
        const auto path = storeMessage(*store, std::string(octets, 'y'));
        REQUIRE_FALSE(path.has_value());
        CHECK(path.error().message.find(scratch.path() + ": the quota of ") == 0);
        CHECK(namesIn(scratch.path("tmp")).empty());
        CHECK(namesIn(scratch.path("new")).size() == 2);
    };
    for (int i = 0; i < 3; ++i) {
        refused(more + 1);
        refused(more - sidecarOctets / 2); // the sidecar has no room
    }
    // two at a time share it
    const auto one = store->begin();
    auto other = store->begin();
    one->append(std::string(more / 2, 'a'));
    other->append(std::string(more / 2, 'b'));
    CHECK_FALSE(one->commit(envelope()).has_value());
    CHECK(other->commit(envelope()).has_value());
    CHECK_FALSE(one->commit(envelope()).has_value());
    CHECK(octetsIn(scratch.path("new")) <= used + more);
    CHECK(readFile(first) == std::string(5000, 'x'));
}

TEST_CASE("badmail: a quota that is smaller than what is there") {
    const ScratchDirectory scratch;
    storeMessage(*openStore(scratch.path()), std::string(5000, 'x')).value();
    const auto store = openStore(scratch.path(), 1000);
    CHECK_FALSE(storeMessage(*store, "x").has_value());
    CHECK(namesIn(scratch.path("new")).size() == 2);
}

TEST_CASE("badmail: a full disk is an error and leaves nothing behind") {
    const bool ran = test::withOwnMounts([] {
        const ScratchDirectory scratch;
        REQUIRE(mount("none", scratch.path().c_str(), "tmpfs", 0, "size=128k") == 0);
        const auto store = openStore(scratch.path());
        const auto full = [&](const Result<std::string>& path) {
            REQUIRE_FALSE(path.has_value());
            CHECK(path.error().message.rfind(scratch.path("tmp/"), 0) == 0);
            CHECK(path.error().message.find(": No space left on device") != std::string::npos);
            checkEmpty(scratch.path());
        };
        full(storeMessage(*store, std::string(1'000'000, 'x')));

        const auto inPieces = store->begin();
        for (int i = 0; i < 10'000; ++i)
            inPieces->append("Received: from somewhere by somewhere else; and now\r\n");
        checkEmpty(scratch.path()); // it made room as soon as it had failed
        full(inPieces->commit(envelope()));

        // room for the message, none for its sidecar
        const auto room = fs::space(scratch.path()).available;
        full(storeMessage(*store, std::string(room, 'x')));
        full(storeMessage(*store, std::string(room, 'x')));

        const auto path = storeMessage(*store, std::string(room / 2, 'x'));
        CHECK(path.has_value());
        umount(scratch.path().c_str());
    });
    if (!ran)
        MESSAGE("skipped: no right to mount");
}

TEST_CASE("badmail: no inode left, for the message or for its sidecar") {
    const bool ran = test::withOwnMounts([] {
        for (const int inodes : {3, 4}) { // the root, tmp and new; and one more
            CAPTURE(inodes);
            const ScratchDirectory scratch;
            const auto options = "nr_inodes=" + std::to_string(inodes);
            REQUIRE(mount("none", scratch.path().c_str(), "tmpfs", 0, options.c_str()) == 0);
            const auto store = openStore(scratch.path());
            const auto path = storeMessage(*store, "x");
            REQUIRE_FALSE(path.has_value());
            CHECK(path.error().message.find(inodes == 3 ? ".eml: No space" : ".json: No space") !=
                  std::string::npos);
            checkEmpty(scratch.path());
            umount(scratch.path().c_str());
        }
    });
    if (!ran)
        MESSAGE("skipped: no right to mount");
}

TEST_CASE("badmail: no right to write is an error in commit()") {
    const ScratchDirectory scratch;
    const auto store = openStore(scratch.path());
    chmod(scratch.path().c_str(), 0755);
    const bool ran = test::asNobody([&] {
        const auto path = storeMessage(*store, "x");
        REQUIRE_FALSE(path.has_value());
        CHECK(path.error().message.find(": Permission denied") != std::string::npos);
    });
    if (!ran)
        MESSAGE("skipped: no right to change the user");
    checkEmpty(scratch.path());
}

TEST_CASE("badmail: what cannot be renamed is an error and leaves nothing behind") {
    const ScratchDirectory scratch;
    const auto store = openStore(scratch.path());
    for (const std::string suffix : {".json", ".eml"}) {
        CAPTURE(suffix);
        const auto message = store->begin();
        message->append("x");
        const auto stem = fs::path(*namesIn(scratch.path("tmp")).begin()).stem().string();
        const auto inTheWay = scratch.path("new/" + stem + suffix);
        fs::create_directory(inTheWay);
        const auto path = message->commit(envelope());
        REQUIRE_FALSE(path.has_value());
        CHECK(path.error().message.find(suffix + ": Is a directory") != std::string::npos);
        fs::remove(inTheWay);
        checkEmpty(scratch.path());
    }
    fs::remove(scratch.path("new"));
    CHECK_FALSE(storeMessage(*store, "x").has_value());
    CHECK(namesIn(scratch.path("tmp")).empty());
}

TEST_CASE("badmail: expire() deletes what is old, and only that") {
    const ScratchDirectory scratch;
    auto settings = BadmailSettings{.directory = scratch.path(), .keep = 24h * 30};
    const auto store = BadmailStore::open(settings).value();
    const auto old = storeMessage(*store, "old").value();
    const auto young = storeMessage(*store, "young").value();
    const auto withoutSidecar = storeMessage(*store, "old").value();
    const auto withoutMessage = storeMessage(*store, "old").value();
    fs::remove(sidecarOf(withoutSidecar));
    fs::remove(withoutMessage);
    for (const auto& file : {old, withoutSidecar})
        age(file, 24h * 30 + 1h);
    age(sidecarOf(withoutMessage), 25h);
    age(sidecarOf(young), 24h * 40); // its message decides
    age(young, 24h * 30 - 1h);
    const auto beingWritten = store->begin();
    beingWritten->append("slow");
    age(scratch.path("tmp/" + *namesIn(scratch.path("tmp")).begin()), 24h * 40);
    for (const std::string name : {"tmp/old.eml", "tmp/young.eml", "new/notes", "new/.hidden"})
        writeFile(scratch.path(name), "x");
    age(scratch.path("tmp/old.eml"), 25h);
    age(scratch.path("tmp/young.eml"), 23h);
    age(scratch.path("new/notes"), 24h * 400);

    test::CapturedStderr log;
    store->expire();
    CHECK(log.rest().find("info badmail: " + scratch.path() + ": 2 old messages deleted") !=
          std::string::npos);
    CHECK(namesIn(scratch.path("new")) ==
          std::set<std::string>{fs::path(young).filename(), fs::path(sidecarOf(young)).filename(),
                                "notes", ".hidden"});
    CHECK(namesIn(scratch.path("tmp")).size() == 2);
    CHECK(fs::exists(scratch.path("tmp/young.eml")));
    CHECK(beingWritten->commit(envelope()).has_value());
    store->expire();
    CHECK(log.rest().empty());
}

TEST_CASE("badmail: expire() makes room in the quota for what it or an operator deleted") {
    const ScratchDirectory scratch;
    const auto store = openStore(scratch.path(), 10'000);
    const auto path = storeMessage(*store, std::string(9000, 'x')).value();
    CHECK_FALSE(storeMessage(*store, std::string(9000, 'x')).has_value());
    fs::remove(path);
    fs::remove(sidecarOf(path));
    CHECK_FALSE(storeMessage(*store, std::string(9000, 'x')).has_value());
    store->expire();
    const auto again = storeMessage(*store, std::string(9000, 'x')).value();
    store->expire(); // the youngest is not deleted, and not counted twice or forgotten
    CHECK_FALSE(storeMessage(*store, std::string(9000, 'x')).has_value());
    age(again, 24h * 31);
    test::CapturedStderr log;
    store->expire();
    CHECK(storeMessage(*store, std::string(9000, 'x')).has_value());
}

TEST_CASE("badmail: sub-directories that somebody has removed come back") {
    const ScratchDirectory scratch;
    const auto store = openStore(scratch.path(), 10'000);
    for (const bool byReload : {false, true}) {
        storeMessage(*store, std::string(9000, 'x')).value();
        fs::remove_all(scratch.path("new"));
        fs::remove_all(scratch.path("tmp"));
        CHECK_FALSE(storeMessage(*store, "x").has_value());
        if (byReload)
            CHECK(store->reopen().has_value());
        else
            store->expire();
    }
    CHECK(storeMessage(*store, std::string(9000, 'x')).has_value());
}

TEST_CASE("badmail: expire() in a directory that is gone keeps the account and says so") {
    const ScratchDirectory scratch;
    const auto store = openStore(scratch.path(), 10'000);
    storeMessage(*store, std::string(9000, 'x')).value();
    fs::rename(scratch.path("new"), scratch.path("away"));
    test::writeFile(scratch.path("new"), "in its place");
    test::CapturedStderr log;
    store->expire();
    CHECK(log.rest().find("warning badmail: cannot clear out: " + scratch.path("new") + ": ") !=
          std::string::npos);
    fs::remove(scratch.path("new"));
    fs::rename(scratch.path("away"), scratch.path("new"));
    CHECK_FALSE(storeMessage(*store, std::string(9000, 'x')).has_value());
}

TEST_CASE(
    "badmail usage: messages that come and go during a count are neither missed nor doubled") {
    BadmailUsage usage(100);
    const auto freeOctets = [&] {
        std::uint64_t free = 0;
        usage.enter("probe");
        while (usage.reserve(1))
            ++free;
        usage.leave("probe", free, false);
        return free;
    };
    usage.enter("before");
    CHECK(usage.reserve(10));
    usage.leave("before", 10, true);
    usage.enter("across");
    CHECK(usage.reserve(20));
    CHECK_FALSE(usage.reserve(71));
    CHECK(usage.reserve(0));

    usage.startCount();
    CHECK_FALSE(usage.accounted("before"));
    CHECK(usage.accounted("across"));
    usage.leave("across", 20, true);
    CHECK(usage.accounted("across"));
    usage.enter("within");
    CHECK(usage.reserve(5));
    usage.leave("within", 5, true);
    CHECK(usage.accounted("within"));
    usage.enter("failed");
    CHECK(usage.reserve(3));
    usage.leave("failed", 3, false);
    CHECK_FALSE(usage.accounted("failed"));
    usage.enter("after");
    CHECK(usage.reserve(2));
    usage.finishCount(10); // "before" is still there
    CHECK(freeOctets() == 100 - 10 - 20 - 5 - 2);
    CHECK_FALSE(usage.accounted("across"));
    usage.leave("after", 2, true);
    CHECK(freeOctets() == 100 - 10 - 20 - 5 - 2);

    usage.startCount();
    usage.finishCount(20 + 5 + 2);
    CHECK(freeOctets() == 100 - 20 - 5 - 2);
    usage.startCount();
    usage.cancelCount();
    CHECK(freeOctets() == 100 - 20 - 5 - 2);
    usage.startCount();
    usage.finishCount(1000);
    CHECK_FALSE(usage.reserve(0));
}

TEST_CASE("badmail: refresh() counts anew when the directory was touched") {
    const ScratchDirectory scratch;
    const auto store = openStore(scratch.path(), 10'000);
    const auto path = storeMessage(*store, std::string(9000, 'x')).value();
    fs::remove(path);
    fs::remove(sidecarOf(path));
    store->refresh();
    CHECK_FALSE(storeMessage(*store, std::string(9000, 'x')).has_value());
    age(scratch.path(), -1h);
    store->refresh();
    CHECK(storeMessage(*store, std::string(9000, 'x')).has_value());
    CHECK_FALSE(storeMessage(*store, std::string(9000, 'x')).has_value());
}

TEST_CASE("badmail: eight threads share the quota while expire() counts") {
    const ScratchDirectory scratch;
    constexpr std::uint64_t quota = 300'000;
    constexpr std::uint64_t size = 3000;
    const auto store = openStore(scratch.path(), quota);
    std::atomic<bool> ended{false};
    std::atomic<std::size_t> stored{0};
    std::thread sweeper([&] {
        while (!ended)
            store->expire();
    });
    std::vector<std::thread> threads;
    for (int number = 0; number < 8; ++number)
        threads.emplace_back([&, number] {
            const std::string octets(size, static_cast<char>('a' + number));
            for (int i = 0; i < 20; ++i) {
                const auto path = storeMessage(*store, octets);
                stored += path.has_value() ? 1U : 0U;
                if (i % 4 == 0)
                    store->begin()->append(octets);
            }
        });
    for (auto& thread : threads)
        thread.join();
    ended = true;
    sweeper.join();

    const auto used = octetsIn(scratch.path("new"));
    CHECK(used <= quota);
    CHECK(used > quota - 10 * size); // messages that are being written take some in between
    CHECK(namesIn(scratch.path("new")).size() == 2 * stored);
    CHECK(namesIn(scratch.path("tmp")).empty());
    for (const auto& name : namesIn(scratch.path("new"))) {
        const auto content = readFile(scratch.path("new/" + name));
        if (fs::path(name).extension() == ".eml")
            CHECK(content == std::string(size, content[0]));
        else
            CHECK(nlohmann::json::parse(content)["size"] == size);
    }
    // the account of all that coming and going is right
    const auto fits = [&](std::uint64_t octets) {
        return storeMessage(*store, std::string(octets, 'x')).has_value();
    };
    constexpr std::uint64_t sidecarAtMost = 1000;
    const auto free = quota - used;
    CHECK_FALSE(fits(free));
    if (free > sidecarAtMost)
        CHECK(fits(free - sidecarAtMost));
    for (const auto& name : namesIn(scratch.path("new")))
        fs::remove(scratch.path("new/" + name));
    store->expire();
    CHECK_FALSE(fits(quota));
    CHECK(fits(quota - sidecarAtMost));
}

} // namespace
} // namespace sluice
