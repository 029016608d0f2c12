// SPDX-License-Identifier: BSD-2-Clause
#include "common/text.hh"
#include "milter/adapters/notice_message.hh"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <string>
#include <string_view>

namespace sluice {
namespace {

using namespace std::string_literals;

const auto noon = std::chrono::system_clock::from_time_t(1'769'860'809); // a Saturday

std::string messageOf(const std::string& subject, const std::string& text) {
    const auto to = MailAddress::fromPath("Ops@Example.org");
    return noticeMessage({to, "127.0.0.1:25", subject, text}, {"mx.example.net", "17.4.2", noon});
}

std::string subjectOf(const std::string& message) {
    const std::string name = "\r\nSubject: ";
    const auto start = message.find(name);
    const auto end = message.find("\r\nAuto-Submitted: ");
    if (start == std::string::npos || end == std::string::npos)
        return "no subject";
    return message.substr(start + name.size(), end - start - name.size());
}

std::string bodyOf(const std::string& message) {
    return message.substr(message.find("\r\n\r\n") + 4);
}

std::string times(std::size_t count, std::string_view what) {
    std::string text;
    while (count-- > 0)
        text += what;
    return text;
}

TEST_CASE("notice: the whole message") {
    CHECK(messageOf("Mail loop found", "One.\n\nTwo.\n") ==
          "Date: Sat, 31 Jan 2026 12:00:09 +0000\r\n"
          "Message-ID: <17.4.2@mx.example.net>\r\n"
          "From: \"sluice\" <MAILER-DAEMON@mx.example.net>\r\n"
          "To: ops@example.org\r\n"
          "Subject: Mail loop found\r\n"
          "Auto-Submitted: auto-generated\r\n"
          "Precedence: bulk\r\n"
          "X-Auto-Response-Suppress: All\r\n"
          "MIME-Version: 1.0\r\n"
          "Content-Type: text/plain; charset=utf-8\r\n"
          "Content-Transfer-Encoding: quoted-printable\r\n"
          "\r\n"
          "One.\r\n"
          "\r\n"
          "Two.\r\n");
}

TEST_CASE("notice: the subject") {
    struct Case {
        std::string subject;
        std::string written;
    };
    const Case cases[] = {
        // what would make a header line
        {"a\r\nBcc: victim@example.org", "a  Bcc: victim@example.org"},
        {"a\nb", "a b"},
        {"a\rb", "a b"},
        {"a\0b\x7F"s, "a b "},
        {"\r\n\r\na\r\n", "a"},
        // what would be read as something else
        {"=?utf-8?Q?a?=", "=?utf-8?Q?=3D=3Futf-8=3FQ=3Fa=3F=3D?="},
        {"a\xFF\x80\x80\x80\x80z", "=?utf-8?Q?a=FF=80=80=80=80z?="},
        {"", ""},
        {"Loop: 50 % = half?", "Loop: 50 % = half?"},
        {"Schleife für a_b", "=?utf-8?Q?Schleife_f=C3=BCr_a=5Fb?="},
        // 55 octets a word, whole characters
        {times(18, "a") + "ü" + times(31, "b") + "ü",
         "=?utf-8?Q?" + times(18, "a") + "=C3=BC" + times(31, "b") + "?=\r\n =?utf-8?Q?=C3=BC?="},
        {times(5, "😀"), "=?utf-8?Q?" + times(4, "=F0=9F=98=80") +
                            "?=\r\n =?utf-8?Q?"
                            "=F0=9F=98=80?="},
        // the limit, and a character that stands across it
        {times(300, "x"), times(250, "x")},
        {times(249, "x") + "ü", times(249, "x")},
    };
    for (const Case& c : cases) {
        CAPTURE(c.subject);
        CHECK(subjectOf(messageOf(c.subject, "")) == c.written);
    }
}

TEST_CASE("notice: the text") {
    struct Case {
        std::string text;
        std::string written;
    };
    const Case cases[] = {
        {"", "\r\n"},
        {"\n", "\r\n"},
        {"no end", "no end\r\n"},
        {"a\r\nb\rc\0"s, "a=0D\r\nb=0Dc=00\r\n"},
        {"a=b", "a=3Db\r\n"},
        {"blank \ntab\t\n \nin between \t x\n", "blank=20\r\ntab=09\r\n=20\r\nin between \t x\r\n"},
        {"ü\xFF", "=C3=BC=FF\r\n"},
        {".\n..x\n", ".\r\n..x\r\n"},
        {times(75, "x") + "\n" + times(76, "y"),
         times(75, "x") + "\r\n" + times(75, "y") + "=\r\ny\r\n"},
        {times(73, "x") + "=", times(73, "x") + "=\r\n=3D\r\n"},
        {times(72, "x") + "=", times(72, "x") + "=3D\r\n"},
        {times(75, "x") + " ", times(75, "x") + "=\r\n=20\r\n"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.text);
        CHECK(bodyOf(messageOf("", c.text)) == c.written);
    }
}

TEST_CASE("notice: a text is cut at the limit, and no line is long") {
    CHECK(bodyOf(messageOf("", times(maxNoticeText / 2, "x\n") + "y")) ==
          times(maxNoticeText / 2, "x\r\n"));
    const std::string message = messageOf(times(250, "ü"), times(maxNoticeText - 1, "x") + "üüü");
    CHECK(message.ends_with("x\r\n"));
    for (const auto line : split(message, '\n')) {
        CAPTURE(line);
        CHECK(line.size() <= 77); // with CR
    }
}

TEST_CASE("notice: no address makes a header line") {
    const auto to = MailAddress::fromPath("<\"a\r\nBcc: b\"@example.org>");
    const std::string message =
        noticeMessage({to, "127.0.0.1:25", "", ""}, {"mx.example.net", "1", noon});
    CHECK(message.find("\r\nTo: \"a??bcc: b\"@example.org\r\n") != std::string::npos);
    CHECK(message.find("\r\nBcc") == std::string::npos);
}

TEST_CASE("notice: the date") {
    struct Case {
        std::time_t time;
        const char* date;
    };
    const Case cases[] = {
        {0, "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n"},
        {1'709'251'199, "Date: Thu, 29 Feb 2024 23:59:59 +0000\r\n"},
        {1'798'675'200, "Date: Thu, 31 Dec 2026 00:00:00 +0000\r\n"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.date);
        const auto at = std::chrono::system_clock::from_time_t(c.time);
        CHECK(noticeMessage({{}, "", "", ""}, {"h", "1", at}).starts_with(c.date));
    }
}

} // namespace
} // namespace sluice
