// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/badmail_maildir.hh"
#include "milter/ctl/badmail_command.hh"
#include "milter/ctl/badmail_release.hh"
#include "test/support/capture_value.hh"
#include "test/support/scratch_directory.hh"
#include "test/support/smtp_stub.hh"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <sysexits.h>

#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace sluice;
using nlohmann::json;
using test::namesIn;
using test::ScratchDirectory;
using test::SmtpStub;
using test::writeFile;

namespace fs = std::filesystem;

namespace {

struct Ran {
    int status;
    std::string out;
    std::string err;
};

Ran run(std::vector<std::string> arguments) {
    std::ostringstream out;
    std::ostringstream err;
    const int status = ctl::badmailCommand.run(arguments, out, err);
    return {status, out.str(), err.str()};
}

BadmailEnvelope from(const std::string& sender, const std::string& rule = "block-sender x") {
    return {.time = "",
            .queueId = "4ABC",
            .clientAddress = "192.0.2.7",
            .clientName = "\x1b[31mclient",
            .helo = "c",
            .sender = sender,
            .recipients = {"<a@example.org>", "<\"b c\"@example.org>"},
            .rule = rule};
}

constexpr const char* mail =
    "Subject:\x1b[31mred\r\nX-Folded: a\r\n\tb\r\n\r\n.dot\r\nbare\n.\nend";

/// A badmail directory with messages of these envelopes.
class Store {
public:
    std::string add(const BadmailEnvelope& envelope, std::string_view octets = mail) {
        const auto filter = BadmailStore::open({.directory = directory_.path()}).value();
        const auto message = filter->begin();
        message->append(octets);
        const auto path = message->commit(envelope);
        REQUIRE_MESSAGE(path, path.error().message);
        return fs::path(*path).stem();
    }
    Ran call(std::vector<std::string> words) const {
        words.insert(words.end(), {"--dir", directory_.path()});
        return run(std::move(words));
    }
    std::set<std::string> files() const { return namesIn(directory_.path("new")); }
    const ScratchDirectory& directory() const { return directory_; }

private:
    ScratchDirectory directory_;
};

json parsed(const Ran& ran) {
    REQUIRE_MESSAGE(ran.status == EX_OK, ran.err);
    return json::parse(ran.out);
}

std::vector<std::string> idsIn(const json& list) {
    std::vector<std::string> ids;
    for (const json& entry : list)
        ids.push_back(entry["id"]);
    return ids;
}

using Ids = std::vector<std::string>;

} // namespace

TEST_CASE("badmail: words that it does not understand") {
    const Store store;
    store.directory();
    fs::create_directory(store.directory().path("new"));
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {},
             {"lst"},
             {"list", "x"},
             {"list", "--sender", "nobody"},
             {"list", "--since", "soon"},
             {"list", "--until", "soon"},
             {"list", "--raw"},
             {"show"},
             {"show", "1.a", "1.b"},
             {"show", "1.a", "--raw", "--json"},
             {"release"},
             {"release", "1.a", "--relay", "here"},
             {"release", "1.a", "--to", "nobody"},
             {"release", "1.a", "--to", "<a@x.example>"},
             {"purge"},
             {"purge", "1.a", "--all"},
             {"purge", "--all", "--older-than", "1d"},
             {"purge", "--older-than", "soon"},
             {"list", "--config", "x"},
         }) {
        CAPTURE(words);
        const Ran ran = store.call(words);
        CHECK(ran.status == EX_USAGE);
        CHECK(ran.err.starts_with("sluicectl badmail: "));
        CHECK(ran.out.empty());
    }
}

TEST_CASE("badmail: a directory that is not there") {
    const Ran ran = run({"list", "--dir", "/nonexistent/\x1b"});
    CHECK(ran.status == EX_NOINPUT);
    CHECK(ran.err == "sluicectl badmail: /nonexistent/\\x1B: No such file or directory\n");
}

TEST_CASE("badmail: list filters, the latest first") {
    Store store;
    CHECK(run({"list", "--dir", store.directory().path()}).status == EX_NOINPUT);
    const auto spam = store.add(from("<s@spam.example>"));
    const auto news = store.add(from("<n@news.example>", "block-sender @news.example"));
    const auto blank = store.add(from("<>", "block-blank-sender"));
    const auto broken = store.add(from("<z@spam.example>"));
    writeFile(store.directory().path("new/" + broken + ".json"), "{");
    const auto ids = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"list", "--json"});
        return idsIn(parsed(store.call(words)));
    };
    CHECK(ids({}) == Ids{broken, blank, news, spam});
    CHECK(ids({"--sender", "@SPAM.example"}) == Ids{spam});
    CHECK(ids({"--rule", "Block-Sender"}) == Ids{news, spam});
    CHECK(ids({"--rule", "news", "--since", "1h"}) == Ids{news});
    CHECK(ids({"--until", "1h"}).empty());
    CHECK(ids({"--since", "2030-01-01"}).empty());
    const Ran text = store.call({"list", "--rule", "news"});
    CHECK(text.out.find(" <n@news.example> to <a@example.org>, <\"b c\"@example.org>, client "
                        "192.0.2.7, block-sender @news.example, 53 octets [" +
                        news + "]\n") != std::string::npos);
    const json line = parsed(store.call({"list", "--json", "--rule", "news"}))[0];
    CHECK(line["sender"] == "<n@news.example>");
    CHECK(line["recipients"].size() == 2);
    CHECK(line["size"] == 53);
}

TEST_CASE("badmail: show has nothing that a terminal would obey, raw has the message") {
    Store store;
    const auto id = store.add(from("<s@spam.example>"));
    const Ran text = store.call({"show", id});
    CHECK(text.status == EX_OK);
    CHECK(text.out.find('\x1b') == std::string::npos);
    CHECK(text.out.find("name       \\x1B[31mclient\n") != std::string::npos);
    CHECK(text.out.ends_with("\nSubject:\\x1B[31mred\nX-Folded: a\n b\n"));
    CHECK(store.call({"show", id, "--raw"}).out == mail);
    const json object = parsed(store.call({"show", id, "--json"}));
    CHECK(object["header"][1] == json{{"name", "X-Folded"}, {"value", " a\r\n\tb"}});
    for (const std::string& missing : {std::string("1.a"), "../" + id, "new/" + id}) {
        const Ran ran = store.call({"show", missing});
        CHECK(ran.status == EX_NOINPUT);
        CHECK(ran.out.empty());
    }
}

TEST_CASE("badmail: purge deletes what it names, and says what is not there") {
    Store store;
    const auto first = store.add(from("<s@spam.example>"));
    const auto second = store.add(from("<s@spam.example>"));
    const auto third = store.add(from("<s@spam.example>"));
    const Ran some = store.call({"purge", first, "1.gone", "--json"});
    CHECK(some.status == EX_NOINPUT);
    CHECK(json::parse(some.out)["purged"] == json{first});
    CHECK(some.err == "sluicectl badmail: 1.gone: there is no such message\n");
    CHECK(store.files().size() == 4);
    CHECK(store.call({"purge", "--older-than", "1h"}).out == "0 deleted\n");
    fs::rename(store.directory().path("new/" + second + ".eml"),
               store.directory().path("new/1700000000.old.eml"));
    CHECK(store.call({"purge", "--older-than", "1h"}).out == "1 deleted\n");
    CHECK(store.files().count(third + ".eml") == 1);
    CHECK(store.call({"purge", "--all"}).out == "1 deleted\n");
}

TEST_CASE("badmail: release gives the message on, and deletes it once it is taken") {
    Store store;
    const auto id = store.add(from("<s@spam.example>"));
    SmtpStub server;
    const Ran ran = store.call({"release", id, "--relay", server.address()});
    CHECK_MESSAGE(ran.status == EX_OK, ran.err);
    CHECK(ran.out == id + ": released to <a@example.org>, <\"b c\"@example.org>\n");
    CHECK(store.files().empty());
    const auto taken = server.mails();
    REQUIRE(taken.size() == 1);
    CHECK(taken[0].from.starts_with("FROM:<s@spam.example>"));
    CHECK(taken[0].recipients ==
          std::vector<std::string>{"TO:<a@example.org>", "TO:<\"b c\"@example.org>"});
    CHECK(taken[0].data ==
          "X-Sluice-Released: " + id +
              "\r\nSubject:\x1b[31mred\r\nX-Folded: a\r\n\tb\r\n\r\n.dot\r\nbare\r\n."
              "\r\nend\r\n");
}

TEST_CASE("badmail: release to others, from nobody") {
    Store store;
    const auto id = store.add(from("<>"));
    SmtpStub server;
    const json done = parsed(store.call({"release", id, "--relay", server.address(), "--json",
                                         "--to", "x@example.org", "--to", "y@example.org"}));
    CHECK(done["released"] ==
          json::array({{{"id", id}, {"recipients", {"x@example.org", "y@example.org"}}}}));
    CHECK(done["kept"].empty());
    CHECK(server.mails().at(0).from.starts_with("FROM:<>"));
    CHECK(server.mails().at(0).recipients ==
          std::vector<std::string>{"TO:<x@example.org>", "TO:<y@example.org>"});
}

TEST_CASE("badmail: what the server does not take is kept") {
    for (const auto& [reply, status] :
         {std::pair{"550 5.1.1 no \x1b", EX_DATAERR}, std::pair{"451 4.3.0 later", EX_TEMPFAIL}})
        for (const std::string verb : {"MAIL", "RCPT", "DATA", "."}) {
            CAPTURE(verb);
            CAPTURE_VALUE(reply);
            Store store;
            const auto id = store.add(from("<s@spam.example>"));
            SmtpStub server([&, text = reply](std::string_view asked,
                                              unsigned /*unused*/) -> std::optional<std::string> {
                return asked == verb ? std::optional<std::string>(text) : std::nullopt;
            });
            const Ran ran = store.call({"release", id, "--relay", server.address()});
            CHECK(ran.status == status);
            CHECK(ran.out.empty());
            CHECK(ran.err.find(id + ": ") != std::string::npos);
            CHECK(ran.err.find(std::string(reply, 9)) != std::string::npos);
            CHECK(ran.err.find('\x1b') == std::string::npos);
            CHECK(store.files().size() == 2);
        }
    Store store;
    const auto id = store.add(from("<s@spam.example>"));
    CHECK(store.call({"release", id, "--relay", "127.0.0.1:1"}).status == EX_TEMPFAIL);
    CHECK(store.files().size() == 2);
}

TEST_CASE("badmail: an envelope that is not known cannot be given on") {
    Store store;
    SmtpStub server;
    const auto kept = [&](const BadmailEnvelope& envelope, const std::string& why,
                          const std::vector<std::string>& words = {}) {
        const auto id = store.add(envelope);
        std::vector<std::string> all{"release", id, "--relay", server.address()};
        all.insert(all.end(), words.begin(), words.end());
        const Ran ran = store.call(all);
        CHECK(ran.status == EX_DATAERR);
        CHECK(ran.err.find(why) != std::string::npos);
        CHECK(store.call({"purge", id}).status == EX_OK);
    };
    kept(from("<\xff@spam.example>"), "is not the address as it was sent");
    kept(from("<a@x.example>\r\nRCPT TO:<evil@x.example>"), "is not the address as it was sent",
         {"--to", "a@x.example"});
    BadmailEnvelope envelope = from("<a@x.example>");
    envelope.recipients = {"<\xff@spam.example>"};
    kept(envelope, "name the recipients with --to");
    envelope.recipients = {};
    kept(envelope, "name them with --to");
    const auto broken = store.add(from("<a@x.example>"));
    fs::remove(store.directory().path("new/" + broken + ".json"));
    CHECK(store.call({"release", broken, "--relay", server.address()}).status == EX_DATAERR);
    CHECK(server.connections() == 0);
}

TEST_CASE("badmail: a message that the filter stores again is kept once") {
    Store store;
    const auto id = store.add(from("<s@spam.example>"));
    SmtpStub server([&](std::string_view verb, unsigned /*unused*/) -> std::optional<std::string> {
        // asked twice for the end of the message: for the mail, and for the reply
        if (verb == "." && store.files().size() == 2)
            store.add(from("<s@spam.example>", "block-sender @spam.example"),
                      "X-Sluice-Released: " + id + "\r\n" + mail);
        return std::nullopt;
    });
    const Ran ran = store.call({"release", id, "--relay", server.address()});
    CHECK(ran.status == EX_DATAERR);
    CHECK(ran.err.find(id + ": the filter stores it again (block-sender @spam.example): ") !=
          std::string::npos);
    CHECK(store.files() == std::set<std::string>{id + ".eml", id + ".json"});
}

TEST_CASE("badmail: line ends of a message that is given on") {
    for (const auto& [given, wanted] : std::vector<std::pair<std::string, std::string>>{
             {"", "\r\n"},
             {"a", "a\r\n"},
             {"a\r\n", "a\r\n"},
             {"a\n.\nb\r.\rc\r\n", "a\r\n.\r\nb\r\n.\r\nc\r\n"},
             {"a\r\r\n\n", "a\r\n\r\n\r\n"},
         }) {
        CAPTURE_VALUE(given);
        CHECK(ctl::withLineEnds(given) == wanted);
    }
}
