// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/notice_message.hh"

#include "common/text.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <string_view>

namespace sluice {
namespace {

using namespace std::string_view_literals;

/// RFC 2045 section 6.7: 76 with the `=` of a soft line break.
constexpr std::size_t longestQuotedLine = 75;

constexpr std::string_view subjectField = "Subject: ";
constexpr std::string_view wordStart = "=?utf-8?Q?";
constexpr std::string_view wordEnd = "?=";
/// RFC 2047 section 2: a line with an encoded word has 76 octets at most.
constexpr std::size_t longestWordText =
    76 - subjectField.size() - wordStart.size() - wordEnd.size();

bool isAsciiPrintable(char c) {
    return c >= ' ' && c <= '~';
}

bool continuesCharacter(char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// No more than that many octets of UTF-8, without the beginning of a character at the end.
std::string_view cut(std::string_view text, std::size_t limit) {
    if (text.size() <= limit)
        return text;
    while (limit > 0 && continuesCharacter(text[limit]))
        --limit;
    return text.substr(0, limit);
}

std::string hexCode(char c) {
    return fmt::format("={:02X}", static_cast<unsigned char>(c));
}

/// One octet of a line (RFC 2045 section 6.7); a blank at the end of a line may get lost.
std::string quoted(char c, bool last) {
    const bool blank = c == ' ' || c == '\t';
    if (blank ? !last : isAsciiPrintable(c) && c != '=')
        return {c};
    return hexCode(c);
}

void appendQuotedLine(std::string& body, std::string_view line) {
    std::size_t length = 0;
    for (std::size_t at = 0; at < line.size(); ++at) {
        const std::string piece = quoted(line[at], at + 1 == line.size());
        if (length + piece.size() > longestQuotedLine) {
            body += "=\r\n";
            length = 0;
        }
        body += piece;
        length += piece.size();
    }
    body += "\r\n";
}

std::string quotedPrintable(std::string_view text) {
    if (text.ends_with('\n'))
        text.remove_suffix(1);
    std::string body;
    for (const std::string_view line : split(text, '\n'))
        appendQuotedLine(body, line);
    return body;
}

/// RFC 2047 section 4.2, of the characters that section 5 (3) allows everywhere.
std::string inWord(char c) {
    if (c == ' ')
        return "_";
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       "!*+-/"sv.find(c) != std::string_view::npos;
    return plain ? std::string{c} : hexCode(c);
}

/// A word holds whole characters only (RFC 2047 section 5). What is no UTF-8 ends up in any.
std::size_t characterEnd(std::string_view text, std::size_t start) {
    constexpr std::size_t longestCharacter = 4;
    const std::size_t limit = std::min(text.size(), start + longestCharacter);
    std::size_t end = start + 1;
    while (end < limit && continuesCharacter(text[end]))
        ++end;
    return end;
}

std::string encodedWords(std::string_view text) {
    std::string words(wordStart);
    std::size_t length = 0;
    for (std::size_t at = 0, end = 0; at < text.size(); at = end) {
        end = characterEnd(text, at);
        std::string character;
        for (const char c : text.substr(at, end - at))
            character += inWord(c);
        if (length + character.size() > longestWordText) {
            words.append(wordEnd).append("\r\n ").append(wordStart);
            length = 0;
        }
        words += character;
        length += character.size();
    }
    return words.append(wordEnd);
}

std::string subjectValue(std::string_view subject) {
    std::string text(trim(cut(subject, maxNoticeSubject)));
    std::replace_if(
        text.begin(), text.end(),
        [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7F'; }, ' ');
    const bool plain = std::all_of(text.begin(), text.end(), isAsciiPrintable);
    // what looks like an encoded word would be read as one
    return plain && text.find("=?") == std::string::npos ? text : encodedWords(text);
}

/// RFC 5322 section 3.3, in universal time.
std::string dateTime(std::chrono::system_clock::time_point time) {
    constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t clock = std::chrono::system_clock::to_time_t(time);
    std::tm utc{};
    gmtime_r(&clock, &utc);
    return fmt::format("{}, {} {} {:04} {:02}:{:02}:{:02} +0000",
                       days.at(static_cast<std::size_t>(utc.tm_wday)), utc.tm_mday,
                       months.at(static_cast<std::size_t>(utc.tm_mon)), utc.tm_year + 1900,
                       utc.tm_hour, utc.tm_min, utc.tm_sec);
}

} // namespace

std::string noticeMessage(const Notice& notice, const NoticeOrigin& origin) {
    return fmt::format("Date: {}\r\n"
                       "Message-ID: <{}@{}>\r\n"
                       "From: \"sluice\" <MAILER-DAEMON@{}>\r\n"
                       "To: {}\r\n"
                       "{}{}\r\n"
                       "Auto-Submitted: auto-generated\r\n"
                       "Precedence: bulk\r\n"
                       "X-Auto-Response-Suppress: All\r\n"
                       "MIME-Version: 1.0\r\n"
                       "Content-Type: text/plain; charset=utf-8\r\n"
                       "Content-Transfer-Encoding: quoted-printable\r\n"
                       "\r\n",
                       dateTime(origin.time), origin.id, origin.host, origin.host, notice.to.text(),
                       subjectField, subjectValue(notice.subject)) +
           quotedPrintable(cut(notice.text, maxNoticeText));
}

} // namespace sluice
