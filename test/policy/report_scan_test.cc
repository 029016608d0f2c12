// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/report_scan.hh"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace sluice;

namespace {

using Fields = std::vector<std::pair<const char*, const char*>>;

ReportFindings scan(const Fields& fields, std::string_view body) {
    HeaderList headers;
    for (const auto& [name, value] : fields)
        headers.add(name, value);
    return scanReport(headers, body);
}

std::string failedIn(const ReportFindings& findings) {
    std::string text;
    for (const MailAddress& address : findings.failedRecipients)
        text += "[" + address.key() + "]";
    return text;
}

constexpr const char* statusType = "message/delivery-status";

} // namespace

TEST_CASE("nothing is found where nothing is") {
    for (const char* body : {"", "\n", "Hello", ":", "a:", "Final-Recipient",
                             "Final-Recipient:", "Final-Recipient: rfc822;",
                             "Final-Recipient: x400; a@b.example", "Message-ID:", "> > >"}) {
        INFO(body);
        const ReportFindings findings = scan({}, body);
        CHECK(findings.failedRecipients.empty());
        CHECK(findings.originalMessageId.empty());
        CHECK(findings.originalStamps.empty());
        CHECK(findings.originalSender.empty());
        CHECK_FALSE(findings.originalReturned);
        CHECK_FALSE(findings.delayed);
    }
}

TEST_CASE("the recipients that failed") {
    struct Case {
        const char* status;
        const char* failed;
        bool delayed;
    };
    const std::vector<Case> cases = {
        {"Final-Recipient: rfc822; a@b.example", "[a@b.example]", false},
        {"final-recipient : RFC822;\r\n\tA@B.example\r\nAction: failed", "[a@b.example]", false},
        {"Final-Recipient: rfc822; <a@b.example> (Ann)", "[a@b.example]", false},
        {"Final-Recipient: a@b.example", "[a@b.example]", false},
        {"Original-Recipient: rfc822;list@b.example\nFinal-Recipient: rfc822;a@b.example",
         "[a@b.example]", false},
        {"Original-Recipient: rfc822;a@b.example\nAction: failed", "[a@b.example]", false},
        {"Final-Recipient: rfc822; a@b.example\nAction: failed\n\n"
         "Final-Recipient: rfc822; a@b.example\nAction: failed",
         "[a@b.example]", false},
        {"Final-Recipient: rfc822; a@b.example\nAction: failed\n"
         "Final-Recipient: rfc822; c@b.example\nAction: failed",
         "[a@b.example][c@b.example]", false},
        {"Final-Recipient: rfc822; a@b.example\nAction: delayed", "", true},
        {"Action: Delayed\nFinal-Recipient: rfc822; a@b.example", "", true},
        {"Final-Recipient: rfc822; a@b.example\nAction: delayed\n\n"
         "Final-Recipient: rfc822; c@b.example\nAction: failed",
         "[c@b.example]", false},
        {"Final-Recipient: rfc822; a@b.example\nAction: failed\n\n"
         "Final-Recipient: rfc822; c@b.example\nAction: delayed",
         "[a@b.example]", false},
        {"Final-Recipient: rfc822; a@b.example\nAction: delivered (to mailbox)", "", false},
    };
    for (const auto& one : cases) {
        INFO(one.status);
        const ReportFindings findings = scan({{"Content-Type", statusType}}, one.status);
        CHECK(failedIn(findings) == one.failed);
        CHECK(findings.delayed == one.delayed);
        CHECK(findings.deliveryStatus);
    }
}

TEST_CASE("recipients in the top header, and in plain text where there are no fields") {
    CHECK(failedIn(scan({{"X-Failed-Recipients", " a@b.example,\n\tc@d.example"}}, "")) ==
          "[a@b.example][c@d.example]");
    CHECK(failedIn(scan({{"Final-Recipient", "rfc822; a@b.example"}}, "")) == "[a@b.example]");
    CHECK(failedIn(scan({}, "Sorry.\n\n<a@b.example>:\nunknown\n\n  c@d.example\n    full\n"
                            "write to help@b.example\n")) == "[a@b.example][c@d.example]");
    CHECK(failedIn(scan({{"X-Failed-Recipients", "a@b.example"}}, "<c@d.example>: no\n")) ==
          "[a@b.example]");
    CHECK(failedIn(scan({}, "<>\n<\n@\na@b.example is gone\n")) == "");
}

TEST_CASE("a report that was returned itself does not speak for the one that returns it") {
    const char* const body = "--b\n\nno\n--b\nContent-Type: message/rfc822\n\n"
                             "X-Odd: y\nFinal-Recipient: rfc822; a@b.example\n\n"
                             "Final-Recipient: rfc822; a@b.example\n--b--";
    CHECK(failedIn(scan({{"Content-Type", "multipart/mixed; boundary=b"}}, body)).empty());
}

TEST_CASE("the original, attached or quoted") {
    const std::string original = "From: Ann <Ann@B.example>\nTo: list@b.example\nSubject: s\n"
                                 "X-Sluice-Trace: 1 ab cd\n ef\nX-Sluice-Trace: 1 gh\n"
                                 "Message-ID:\n <One@B.Example>\n\nMessage-ID: <two@b.example>\n";
    const auto prefixed = [&original](const std::string& mark) {
        std::string text;
        for (std::size_t at = 0; at < original.size();) {
            const std::size_t end = original.find('\n', at) + 1;
            text.append(mark).append(original, at, end - at);
            at = end;
        }
        return text;
    };
    const std::vector<std::pair<const char*, std::string>> cases = {
        {"message/rfc822", original},
        {"message/rfc822", "\n\n" + original},
        {"text/rfc822-headers", original},
        {"text/plain", "Your message:\n\n" + original},
        {"text/plain", "Your message:\n" + original},
        {"text/plain", prefixed("> ")},
        {"text/plain", prefixed(">")},
        {"text/plain", prefixed("| ")},
        {"text/plain", prefixed("> > ")},
        {"text/plain", prefixed("    ")},
        {"text/plain", "Message-ID: <stray@b.example>\n\nAbout it\n\n" + original},
    };
    for (const auto& one : cases) {
        INFO(one.first);
        INFO(one.second);
        const ReportFindings findings = scan({{"Content-Type", one.first}}, one.second);
        CHECK(findings.originalReturned);
        CHECK(findings.originalMessageId == "One@b.example");
        CHECK(findings.originalSender == "ann@b.example");
        REQUIRE(findings.originalStamps.size() == 2);
        CHECK(findings.originalStamps[0] == "1 ab cd ef");
        CHECK(findings.originalStamps[1] == "1 gh");
    }
}

TEST_CASE("where else the Message-ID is looked for, nearest first") {
    const Fields references = {{"In-Reply-To", "<reply@b.example>"},
                               {"References", "<first@b.example> <last@b.example>"}};
    CHECK(scan({references[1]}, "").originalMessageId == "last@b.example");
    CHECK(scan(references, "").originalMessageId == "reply@b.example");
    CHECK(scan(references, "It was\nMessage-Id: <stray@b.example>\n").originalMessageId ==
          "stray@b.example");
    CHECK(scan(references, "Original-Message-ID: <named@b.example>\n").originalMessageId ==
          "named@b.example");
    CHECK_FALSE(scan(references, "").originalReturned);
}

TEST_CASE("what is found is bounded, and hostile bodies end") {
    constexpr std::size_t length = 64UL * 1024;
    std::string recipients;
    std::string stamps = "From: a@b.example\nTo: a@b.example\nDate: x\n";
    std::string folds = "Final-Recipient: rfc822;";
    for (std::size_t i = 0; i < 1000; ++i) {
        recipients += "Final-Recipient: rfc822; a" + std::to_string(i) + "@b.example\n\n";
        stamps += "X-Sluice-Trace: " + std::string(200, 'a') + "\n";
        folds += "\n " + std::string(50, 'a');
    }
    const ReportFindings many = scan({{"Content-Type", statusType}}, recipients);
    CHECK(many.failedRecipients.size() == ReportFindings::maxRecipients);
    const ReportFindings stamped = scan({}, stamps);
    REQUIRE(stamped.originalStamps.size() == ReportFindings::maxStamps);
    CHECK(stamped.originalStamps[0].size() <= 100);
    const std::vector<std::string> bodies = {folds, std::string(length, '>'),
                                             std::string(length, ':'), std::string(length, '\0'),
                                             "a:" + std::string(length, ' ')};
    for (const std::string& body : bodies)
        for (const char* type : {"text/plain", "message/rfc822", statusType})
            CHECK(scan({{"Content-Type", type}}, body).failedRecipients.empty());
}
