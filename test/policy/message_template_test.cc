// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/message_template.hh"
#include "test/support/capture_value.hh"

#include <doctest/doctest.h>

#include <string>

namespace sluice {
namespace {

struct Case {
    std::string text;
    std::string expected;
};

TEST_CASE("template: odd texts") {
    const Case cases[] = {
        {"", ""},
        {" \r\n\t\r\n", ""},
        {"> only\r\n>> quoted\r\n| lines\r\n", ""},
        {"----- Original Message -----\r\nfrom the other\r\n", ""},
        {std::string("a\0b\x01", 4), "a b"},
        {std::string(1'000'000, '\n'), ""},
        {":\n> x\n", ""},
        {"-", "-"},
        {"--------------------", "--------------------"},
    };
    for (const auto& [text, expected] : cases) {
        CAPTURE_VALUE(text.substr(0, 40));
        CHECK(messageTemplate(text) == expected);
    }
}

TEST_CASE("template: what varies is masked") {
    const Case cases[] = {
        {"Ticket 4711 was opened.", "ticket # was opened."},
        {"Ticket 4712  was\r\nopened.\r\n", "ticket # was opened."},
        {"id 550e8400-e29b-41d4-abcd-446655440000", "id #-#-#-#-#"},
        {"id 650e8400-e29b-41d4-a716-deadbeefcafe", "id #-#-#-#-#"},
        {"We add a bee", "we add a bee"}, // short words are words
        {"Gr\xC3\xBC\xC3\x9F"
         "e",
         "gr\xC3\xBC\xC3\x9F"
         "e"}, // not ASCII: as it is
        {"x1y z", "# z"},
    };
    for (const auto& [text, expected] : cases) {
        CAPTURE_VALUE(text);
        CHECK(messageTemplate(text) == expected);
    }
}

TEST_CASE("template: what others wrote is left out") {
    const Case cases[] = {
        {"Thanks.\n> How are you?\n>\n> A.\nBye.\n", "thanks. bye."},
        {"Thanks.\n\nOn Monday A wrote:\n> How are you?\n", "thanks."},
        {"Thanks.\n\nOn Monday\nA <a@example.org>\nwrote:\n\n> How are you?\n", "thanks."},
        {"One\ntwo\nthree\nfour:\n> q\n", "one two three four:"}, // too long to introduce anything
        {"My questions:\n1. what?\n", "my questions: #. what?"},
        {"Done.\n-----Urspr\xC3\xBCngliche Nachricht-----\nVon: A\nalles andere\n", "done."},
        {"Done.\n________________________________\nFrom: A\nthe rest\n", "done."},
        {"Done.\n-- \nA. Sender\n", "done. -- a. sender"},
    };
    for (const auto& [text, expected] : cases) {
        CAPTURE_VALUE(text);
        CHECK(messageTemplate(text) == expected);
    }
}

TEST_CASE("template: bounded") {
    std::string word = "word ";
    std::string text;
    while (text.size() < 1'000'000)
        text += word;
    const std::string result = messageTemplate(text);
    CHECK(result.size() >= maxTemplateOctets - word.size());
    CHECK(result.size() <= maxTemplateOctets);
    CHECK(messageTemplate(text + "more") == result);
    // behind a long quotation there is still something new
    CHECK(messageTemplate(std::string(2 * maxTemplateOctets, '>') + "\nfine\n") == "fine");
    CHECK(messageTemplate(std::string(2 * maxTemplateInput, '>') + "\nfine\n").empty());
}

TEST_CASE("subject") {
    const Case cases[] = {
        {"", ""},
        {" Re:", "re:"},
        {" : : :", ":"},
        {" [list] Re: [list] Hello", "hello"},
        {" Re: AW: Fwd: Hello\r\n World", "hello world"},
        {" Automatic reply: Re: [Ticket#4711] Printer 12 burns", "printer # burns"},
        {" Undelivered Mail Returned to Sender", "undelivered mail returned to sender"},
        {" =?utf-8?Q?Re:_Gr=C3=BC=C3=9Fe?=", "gr\xC3\xBC\xC3\x9F"
                                             "e"},
        {" =?UTF-8?B?R3LDvMOfZQ==?=", "gr\xC3\xBC\xC3\x9F"
                                      "e"},
        {" " + std::string(100, 'x') + ": y", std::string(100, 'x') + ": y"},
    };
    for (const auto& [text, expected] : cases) {
        CAPTURE_VALUE(text);
        CHECK(normalisedSubject(text) == expected);
    }
    CHECK(normalisedSubject(std::string(100'000, 'x')).size() == 250);
}

} // namespace
} // namespace sluice
