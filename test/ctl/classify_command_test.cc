// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/classify_command.hh"
#include "test/support/scratch_directory.hh"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <sysexits.h>

#include <sstream>
#include <string>
#include <vector>

using namespace sluice;

namespace {

const std::string reports = SLUICE_FIXTURES "/reports/";

struct Run {
    int status;
    std::string out;
    std::string err;
};

Run classify(const std::vector<std::string>& arguments) {
    std::ostringstream out;
    std::ostringstream err;
    const int status = ctl::classifyCommand.run(arguments, out, err);
    return {status, out.str(), err.str()};
}

nlohmann::json objectFor(const std::string& file) {
    auto object = nlohmann::json::parse(classify({"--json", reports + file}).out);
    CHECK(object.at("path") == reports + file);
    return object;
}

std::string joined(const nlohmann::json& list) {
    std::string text;
    for (const auto& word : list)
        text += "[" + word.get<std::string>() + "]";
    return text;
}

} // namespace

TEST_CASE("bad words and files that cannot be read") {
    CHECK(classify({}).status == EX_USAGE);
    CHECK(classify({"--json"}).status == EX_USAGE);
    const Run unknown = classify({"--xml", reports});
    CHECK(unknown.status == EX_USAGE);
    CHECK(unknown.err.find("\"--xml\" is no option") != std::string::npos);
    const Run missing = classify({reports + "none\n.eml", reports + "ordinary.eml"});
    CHECK(missing.status == EX_NOINPUT);
    CHECK(missing.err.find("none\\x0A.eml\": there is no such file") != std::string::npos);
    CHECK(missing.out.find("ordinary.eml: ordinary ") != std::string::npos); // the rest goes on
    CHECK(classify({"--", "--json"}).status == EX_NOINPUT);
}

TEST_CASE("each kind of message is told from the others") {
    struct Case {
        const char* file;
        const char* kind;
    };
    const std::vector<Case> cases = {
        {"out_of_office_marked.eml", "auto-reply"},
        {"out_of_office_null_sender.eml", "auto-reply"},
        {"out_of_office_subject.eml", "auto-reply"},
        {"out_of_office_domino.eml", "auto-reply"},
        {"receipt.eml", "receipt"},
        {"feedback.eml", "feedback"},
        {"build_robot.eml", "auto-generated"},
        {"list_post.eml", "list"},
        {"person_quotes_report.eml", "ordinary"},
        {"person_forwards_report.eml", "ordinary"},
        {"person_away.eml", "ordinary"},
        {"ordinary.eml", "ordinary"},
    };
    for (const auto& one : cases) {
        INFO(one.file);
        const nlohmann::json object = objectFor(one.file);
        CHECK(object["class"] == one.kind);
        CHECK(object["evidence"].empty() == (object["class"] == "ordinary"));
        CHECK_FALSE(object.contains("report"));
    }
}

TEST_CASE("reports of every layout, and what they are about") {
    constexpr const char* otto = "[otto@club.example]";
    constexpr const char* both = "[otto@club.example][paula@club.example]";
    struct Case {
        const char* file;
        const char* failed;
        bool returned;
        bool delayed;
    };
    const std::vector<Case> cases = {
        {"rfc3464.eml", "[otto@club.example][quentin@club.example]", true, false},
        {"rfc3464_headers_only.eml", otto, true, false},
        {"rfc3464_delayed.eml", "", true, true},
        {"rfc3464_broken_mime.eml", otto, true, false},
        {"qmail.eml", both, true, false},
        {"exim.eml", both, true, false},
        {"old_exchange.eml", "", true, false},
        {"plain_text_quoted.eml", otto, true, false},
        {"plain_text_barred.eml", "", true, false},
        {"quoted_printable_text.eml", "", true, false},
        {"report_over_a_list.eml", otto, true, false},
        {"no_original.eml", "", false, false},
    };
    for (const auto& one : cases) {
        INFO(one.file);
        const nlohmann::json object = objectFor(one.file);
        CHECK(object["class"] == "report");
        REQUIRE(object.contains("report"));
        const nlohmann::json& report = object["report"];
        CHECK(report["originalMessageId"] == "hours-march.118@desk.shop.example");
        CHECK(joined(report["failedRecipients"]) == one.failed);
        CHECK(report["delayed"] == one.delayed);
        CHECK(report["originalReturned"] == one.returned);
        CHECK(report["originalSender"] == (one.returned ? "ida@shop.example" : ""));
        CHECK(joined(report["originalStamps"]) ==
              (one.returned ? "[1 kf2 e4qd mzxw6ytb b gezdgnbvgy3tqojqgezdgnbvgy]" : ""));
    }
}

TEST_CASE("a directory stands for its files, a line each") {
    const test::ScratchDirectory directory;
    test::writeFile(directory.path("b\x1b.eml"),
                    "From MAILER-DAEMON Mon Feb  3 09:13:02 2025\n"
                    "From: MAILER-DAEMON\nSubject: failure notice\n\nMessage-ID: <a@b.example>\n");
    test::writeFile(directory.path("a.eml"), "From : a@b.example\nAuto-Submitted: auto-replied");
    const Run run = classify({directory.path()});
    CHECK(run.status == EX_OK);
    CHECK(run.out ==
          directory.path() + "/a.eml: auto-reply 95%; Auto-Submitted: auto-replied (+95)\n" +
              directory.path() +
              "/b\\x1B.eml: report 99%; From: mailer-daemon (+45), Subject: failure notice "
              "(+40), null sender (+30); about <a@b.example>\n");
}

TEST_CASE("no octets are too odd for the output") {
    const test::ScratchDirectory directory;
    test::writeFile(directory.path("x.eml"),
                    "X-Failed-Recipients: a@b.example, \xff\x01@c.example\n\n\xfe");
    const Run run = classify({"--json", directory.path()});
    CHECK(run.status == EX_OK);
    CHECK(nlohmann::json::parse(run.out)["class"] == "report");
}
