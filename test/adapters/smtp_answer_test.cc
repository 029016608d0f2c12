// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/smtp_answer.hh"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace sluice {
namespace {

using State = SmtpAnswerReader::State;

State read(std::string_view octets, std::size_t atOnce, SmtpAnswer& answer) {
    SmtpAnswerReader reader;
    CHECK_FALSE(reader.begun());
    State state = reader.take({});
    CHECK_FALSE(reader.begun());
    for (; !octets.empty(); octets.remove_prefix(std::min(atOnce, octets.size()))) {
        state = reader.take(octets.substr(0, atOnce));
        CHECK(reader.begun());
    }
    answer = reader.answer();
    return state;
}

std::string repeated(std::string_view text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i)
        all += text;
    return all;
}

TEST_CASE("answers: hostile ones first, however they are cut") {
    using namespace std::string_literals;
    constexpr std::size_t longest = SmtpAnswerReader::longestLine;
    constexpr std::size_t most = SmtpAnswerReader::mostLines;
    struct Row {
        std::string octets;
        State state;
        SmtpAnswer answer;
    };
    const Row rows[] = {
        {"", State::incomplete, {}},
        {"\n", State::noSmtp, {0, {""}}},
        {"\r\n", State::noSmtp, {0, {""}}},
        {"22\r\n", State::noSmtp, {0, {"22"}}},
        {"2200 x\r\n", State::noSmtp, {0, {"2200 x"}}},
        {"22O x\r\n", State::noSmtp, {0, {"22O x"}}},
        {" 220 x\r\n", State::noSmtp, {0, {" 220 x"}}},
        {"120 x\r\n", State::noSmtp, {0, {"120 x"}}},
        {"620 x\r\n", State::noSmtp, {0, {"620 x"}}},
        {"2\xB2\xB2 x\r\n", State::noSmtp, {0, {"2\xB2\xB2 x"}}},
        {"SSH-2.0-x\r\n220 y\r\n", State::noSmtp, {0, {"SSH-2.0-x"}}},
        {"\0\0\0\n"s, State::noSmtp, {0, {"\0\0\0"s}}},
        {"220-a\r\nb\r\n220 c\r\n", State::noSmtp, {220, {"a", "b"}}},
        {std::string(longest + 1, '2'), State::tooLong, {}},
        {"220 " + std::string(longest, 'x') + "\r\n", State::tooLong, {}},
        {std::string(5 * longest, '\0'), State::tooLong, {}},
        {repeated("220-\n", most + 1), State::tooLong, {220, std::vector<std::string>(most)}},
        {repeated("220-\n", most), State::incomplete, {220, std::vector<std::string>(most)}},
        {"220 mx", State::incomplete, {}},
        {"220-mx\r\n", State::incomplete, {220, {"mx"}}},
        {"220\n", State::complete, {220, {""}}},
        {"220 mx\r\n", State::complete, {220, {"mx"}}},
        {"220 mx\r\n554 more\r\n", State::complete, {220, {"mx"}}},
        {"250-mx\r\n250-SIZE 10\n250 8BITMIME\r\n",
         State::complete,
         {250, {"mx", "SIZE 10", "8BITMIME"}}},
        {"220-mx\r\n554 no\r\n", State::complete, {554, {"mx", "no"}}},
        {"250 " + std::string(longest - 5, 'x') + "\r\n",
         State::complete,
         {250, {std::string(longest - 5, 'x')}}},
    };
    for (const Row& row : rows)
        for (const std::size_t atOnce : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20}) {
            CAPTURE(row.octets.substr(0, 40));
            CAPTURE(atOnce);
            SmtpAnswer answer;
            CHECK(read(row.octets, atOnce, answer) == row.state);
            CHECK(answer == row.answer);
        }
}

} // namespace
} // namespace sluice
