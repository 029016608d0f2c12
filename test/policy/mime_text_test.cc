// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/html_text.hh"
#include "milter/policy/mime_decoding.hh"
#include "milter/policy/mime_parts.hh"
#include "milter/policy/mime_text.hh"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice;

namespace {

constexpr std::size_t enough = 4096;

HeaderList withType(std::string_view type, std::string_view encoding = {}) {
    HeaderList headers;
    if (!type.empty())
        headers.add("Content-Type", type);
    if (!encoding.empty())
        headers.add("Content-Transfer-Encoding", encoding);
    return headers;
}

std::string repeated(std::string_view part, std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i)
        text += part;
    return text;
}

std::string typesOf(const HeaderList& headers, std::string_view body) {
    std::string types;
    for (const MimePart& part : mimeParts(headers, body))
        types += "[" + part.type + "|" + std::string(part.content) + "]";
    return types;
}

} // namespace

TEST_CASE("transfer encodings are undone, what is not of them stays or is left out") {
    struct Case {
        const char* text;
        const char* expected;
    };
    const std::vector<Case> quoted = {
        {"", ""},           {"=", ""},          {"=4", "=4"},
        {"=G1", "=G1"},     {"a=3Db", "a=b"},   {"=e2=82=AC", "€"},
        {"a=\r\nb", "ab"},  {"a= \t\nb", "ab"}, {"a=\nb\n", "ab\n"},
        {"a=  b", "a=  b"},
    };
    for (const auto& one : quoted) {
        INFO(one.text);
        CHECK(decodeQuotedPrintable(one.text, enough) == one.expected);
    }
    const std::vector<Case> base64 = {
        {"", ""},
        {"=", ""},
        {"QQ", "A"},
        {"QQ==", "A"},
        {"QUI=", "AB"},
        {"Q\r\nU J D", "ABC"},
        {"QQ==QUJD", "AABC"},
        {"*Q-U_J.D", "ABC"},
    };
    for (const auto& one : base64) {
        INFO(one.text);
        CHECK(decodeBase64(one.text, enough) == one.expected);
    }
    CHECK(decodeQuotedPrintable("=41=42=43", 2) == "AB");
    CHECK(decodeBase64("QUJD", 2) == "AB");
}

TEST_CASE("HTML is read as people see it") {
    struct Case {
        const char* html;
        const char* expected;
    };
    const std::vector<Case> cases = {
        {"", ""},
        {"<", "<"},
        {"<b", "<b"},
        {"1 < 2 & 3 > 2", "1 < 2 & 3 > 2"},
        {"<!-- never closed", "<!-- never closed"},
        {"a<!-- <p> -->b", "ab"},
        {"<p>one</p><p class='x'>two<br/>three", "one\ntwo\nthree"},
        {"a <b>bold</b>\r\n  word", "a bold word"},
        {"&lt;a&amp;b&gt;&nbsp;&#65;&#x42;&euro;&#0;", "<a&b> AB&euro;"},
        {"<STYLE>p { x: 1 }</Style>t<script>a<b", "t"},
    };
    for (const auto& one : cases) {
        INFO(one.html);
        CHECK(textOfHtml(one.html, enough) == one.expected);
    }
    CHECK(textOfHtml("abc", 2) == "ab");
}

TEST_CASE("header values are decoded for people") {
    struct Case {
        const char* value;
        const char* expected;
    };
    const std::vector<Case> cases = {
        {"", ""},
        {" plain\r\n\tfolded ", "plain folded"},
        {"=?", "=?"},
        {"=?utf-8?q?", "=?utf-8?q?"},
        {"=?utf-8?q?a_b=21?=", "a b!"},
        {"=?UTF-8?B?w5ZmZm4=?= =?utf-8?b?dW5n?= x", "Öffnung x"},
        {"=?iso-8859-1*de?Q?=D6l?=", "Öl"},
        {"=?utf-8?q?a?= b", "a b"},
    };
    for (const auto& one : cases) {
        INFO(one.value);
        CHECK(decodedHeader(one.value, enough) == one.expected);
    }
}

TEST_CASE("the leaves of a message") {
    struct Case {
        const char* type;
        const char* body;
        const char* expected;
    };
    const std::vector<Case> cases = {
        {"", "", "[text/plain|]"},
        {"", "x\n", "[text/plain|x\n]"},
        {"nonsense", "x", "[text/plain|x]"},
        {"Text/HTML; charset=x", "x", "[text/html|x]"},
        {"multipart/mixed", "x", "[text/plain|x]"},
        {"multipart/mixed; boundary=never", "x\ny", "[text/plain|x\ny]"},
        {"multipart/mixed; boundary=b", "p\n--b\n\nx\n--b\nContent-Type: a/b\n\ny\n--b--\nz",
         "[text/plain|x\n][a/b|y\n]"},
        {"multipart/mixed; boundary=\"b c\"", "--b c\r\n\r\nx\r\n--b c--\r\n",
         "[text/plain|x\r\n]"},
        {"multipart/mixed; boundary=b", "--b\nContent-Type: a/b\nno field\n--b--",
         "[a/b|no field\n]"},
        {"multipart/mixed; boundary=b", "--b\n\nContent-Type: a/b\n\ny\n--b--", "[a/b|y\n]"},
        {"multipart/mixed; boundary=b", "--other\nContent-Type: a/b\n\ny\n--other--", "[a/b|y\n]"},
        {"multipart/mixed; boundary=b", "--b\nContent-Type: a/b\n\ny", "[a/b|y]"},
        {"multipart/mixed; boundary=b",
         "--b\nContent-Type: message/rfc822\nFrom: a\nSubject: x\n--b\nReceived: y\n--b--",
         "[message/rfc822|From: a\nSubject: x\n][text/plain|Received: y\n]"},
        {"multipart/mixed; boundary=b", "--bb\nx\n--b\n\ny\n--b--", "[text/plain|y\n]"},
        {"multipart/mixed; boundary=b",
         "--b\nContent-Type: multipart/x;\n boundary=c\n\n--c\n\nx\n--b\n\ny\n",
         "[text/plain|x\n][text/plain|y\n]"},
        {"multipart/mixed; boundary=b",
         "--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/x; boundary=c\n\n--c\n--b--",
         "[message/rfc822|Content-Type: multipart/x; boundary=c\n\n--c\n]"},
    };
    for (const auto& one : cases) {
        INFO(one.type);
        INFO(one.body);
        CHECK(typesOf(withType(one.type), one.body) == one.expected);
    }
}

TEST_CASE("the first text, whatever it is wrapped in") {
    CHECK(firstText(withType(""), "a\r\nb\r\n", enough) == "a\nb\n");
    CHECK(firstText(withType("text/plain", "base64"), "YQ0KYg==", enough) == "a\nb");
    CHECK(firstText(withType("text/plain", " Quoted-Printable "), "=61=\r\nb", enough) == "ab");
    CHECK(firstText(withType("text/html"), "<p>a<p>b", enough) == "a\nb");
    CHECK(firstText(withType("image/png"), "a", enough).empty());
    CHECK(firstText(withType("message/rfc822"), "Subject: a\n\nb", enough).empty());
    CHECK(firstText(withType("multipart/mixed; boundary=b"),
                    "--b\nContent-Disposition: attachment\n\na\n--b\n\nc\n--b--", enough) == "c\n");
    CHECK(firstText(withType(""), "abc", 2) == "ab");
    CHECK(firstText(withType("text/html"), "abc", static_cast<std::size_t>(-1)) == "abc");
}

TEST_CASE("hostile bodies end, and stay within their limits") {
    std::string nested;
    for (int i = 0; i < 1000; ++i)
        nested += "--b" + std::to_string(i) + "\nContent-Type: multipart/mixed; boundary=b" +
                  std::to_string(i + 1) + "\n\n";
    constexpr std::size_t length = 64UL * 1024;
    const std::vector<std::string> bodies = {
        nested,
        repeated("--b\n", length / 4),
        repeated("--b\nContent-Type:\n", length / 18),
        repeated("--", length / 2),
        repeated("\n", length),
        repeated("=", length),
        repeated("= ", length / 2),
        "=" + repeated(" ", length),
        repeated("<", length),
        repeated("<a", length / 2),
        repeated("<!--", length / 4),
        repeated("<script>", length / 8),
        repeated("&", length),
        repeated(" x\n", length / 3),
        std::string(length, '\0'),
        repeated("\xff\xfe", length / 2),
    };
    for (const char* type : {"multipart/mixed; boundary=b0", "multipart/mixed; boundary=b",
                             "multipart/mixed; boundary=\"", "text/html", "text/plain"})
        for (const char* encoding : {"", "base64", "quoted-printable"})
            for (const std::string& body : bodies) {
                INFO(type);
                INFO(encoding);
                INFO(body.substr(0, 20));
                const HeaderList headers = withType(type, encoding);
                CHECK(firstText(headers, body, 100).size() <= 100);
                CHECK(mimeParts(headers, body).size() <= maxMimeParts);
            }
    CHECK(decodedHeader(repeated("=?a?q?", 10'000), enough).size() <= enough);
}
