// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/message_template.hh"

#include "common/text.hh"
#include "milter/policy/mime_decoding.hh"
#include "milter/policy/text_lines.hh"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace sluice {
namespace {

constexpr std::size_t longestSubject = 250;
/// What stands before a colon in front of a subject is no longer than "Automatic reply" in any
/// language.
constexpr std::size_t longestPrefix = 40;
/// "On Monday … wrote:" may be folded.
constexpr std::size_t longestIntroduction = 3;
/// Letters of which a word must have so many to be a number in hexadecimal: "fade", but not "add".
constexpr std::ptrdiff_t shortestHexWord = 4;

/// What a character is to a template; bits, so that a word is the sum of its characters.
enum CharacterKind : std::uint8_t {
    mark = 0,
    blank = 1,
    digit = 2,
    hexLetter = 4,
    letter = 8, ///< and whatever is not ASCII
};
constexpr unsigned ofWords = digit | hexLetter | letter;

struct Character {
    std::uint8_t kind;
    char shown; ///< as a template has it
};

constexpr CharacterKind kindOf(unsigned char octet) {
    const char lower = lowerAscii(static_cast<char>(octet));
    if (octet >= 0x80 || (lower > 'f' && lower <= 'z'))
        return letter;
    if (lower >= 'a' && lower <= 'f')
        return hexLetter;
    if (octet >= '0' && octet <= '9')
        return digit;
    return octet <= ' ' ? blank : mark;
}

constexpr auto characterTable = [] {
    std::array<Character, 256> table{};
    for (unsigned octet = 0; octet < table.size(); ++octet)
        if (const auto kind = kindOf(static_cast<unsigned char>(octet)); kind == blank)
            table.at(octet) = {kind, ' '};
        else
            table.at(octet) = {kind, lowerAscii(static_cast<char>(octet))};
    return table;
}();

const Character& character(char c) {
    return characterTable[static_cast<unsigned char>(c)]; // NOLINT(*-constant-array-index)
}

/// Is a word of these kinds of characters a number, or part of an identifier?
bool varies(unsigned found, std::ptrdiff_t characters) {
    return (found & digit) != 0 || (found == hexLetter && characters >= shortestHexWord);
}

/// No character becomes more than one, so there is room for all at once.
void appendMasked(std::string_view line, std::string& text) {
    const std::size_t before = text.size();
    text.resize(before + line.size());
    char* out = text.data() + before;
    char* word = out; // behind the last character that is of no word
    unsigned found = 0;
    bool blankBefore = before == 0 || text[before - 1] == ' ';
    const auto endWord = [&] {
        if (varies(found, out - word)) {
            *word = '#';
            out = word + 1;
        }
    };
    // no branch in it depends on the text but that of endWord(), which is seldom taken
    for (const char octet : line) {
        const Character c = character(octet);
        const bool ofWord = (c.kind & ofWords) != 0;
        if (!ofWord)
            endWord();
        const bool isBlank = c.kind == blank;
        *out = c.shown;
        out += isBlank && blankBefore ? 0 : 1;
        blankBefore = isBlank;
        found = ofWord ? found | c.kind : 0U;
        word = ofWord ? word : out;
    }
    endWord();
    text.resize(static_cast<std::size_t>(out - text.data()));
}

bool isQuoted(std::string_view line) {
    return line.starts_with('>') || line.starts_with('|');
}

/// "----- Original Message -----", in any language, or the rule that Outlook draws.
bool endsOwnText(std::string_view line) {
    constexpr std::size_t shortestDashes = 4;
    constexpr std::size_t shortestRule = 20;
    const std::size_t front = line.find_first_not_of('-');
    if (front == std::string_view::npos || line.empty())
        return false;
    const std::size_t back = line.size() - 1 - line.find_last_not_of('-');
    if (front >= shortestDashes && back >= shortestDashes)
        return true;
    return line.size() >= shortestRule && line.find_first_not_of('_') == std::string_view::npos;
}

/// Puts the template together line by line.
class TemplateWriter {
public:
    explicit TemplateWriter(std::size_t octets) { out_.reserve(octets); }
    [[nodiscard]] bool full() const { return out_.size() >= maxTemplateOctets; }
    void blankLine() { paragraphEnded_ = true; }
    void quotedLine() {
        if (introduces_ && linesOfParagraph_ <= longestIntroduction)
            out_.resize(paragraphStart_);
        introduces_ = false;
    }
    void ownLine(std::string_view line);
    std::string finish();

private:
    std::string out_;
    std::size_t paragraphStart_ = 0;
    std::size_t linesOfParagraph_ = 0;
    bool paragraphEnded_ = true;
    bool introduces_ = false; ///< the last line of the paragraph ends in a colon
};

void TemplateWriter::ownLine(std::string_view line) {
    if (!out_.empty() && !out_.ends_with(' '))
        out_ += ' ';
    if (paragraphEnded_) {
        paragraphStart_ = out_.size();
        linesOfParagraph_ = 0;
        paragraphEnded_ = false;
    }
    ++linesOfParagraph_;
    introduces_ = line.ends_with(':');
    appendMasked(line, out_);
}

std::string TemplateWriter::finish() {
    out_.resize(std::min(out_.size(), maxTemplateOctets));
    out_.resize(trim(out_).size());
    return std::move(out_);
}

/// Without one `Re:` or `[…]` in front; the same text when there is none.
std::string_view withoutPrefix(std::string_view subject) {
    const std::size_t end = subject.find(subject.starts_with('[') ? ']' : ':');
    if (end > longestPrefix) // or there is none
        return subject;
    return trim(subject.substr(end + 1));
}

} // namespace

std::string messageTemplate(std::string_view text) {
    TextLines lines(text.substr(0, maxTemplateInput));
    TemplateWriter writer(std::min(text.size(), maxTemplateInput));
    std::string_view line;
    while (!writer.full() && lines.next(line)) {
        line = trim(line);
        if (line.empty())
            writer.blankLine();
        else if (isQuoted(line))
            writer.quotedLine();
        else if (endsOwnText(line))
            break;
        else
            writer.ownLine(line);
    }
    return writer.finish();
}

std::string normalisedSubject(std::string_view headerValue) {
    constexpr std::size_t longestInput = 2000;
    const std::string decoded = decodedHeader(headerValue, longestInput);
    std::string_view subject = trim(decoded);
    for (std::string_view shorter = withoutPrefix(subject);
         shorter.size() < subject.size() && !shorter.empty(); shorter = withoutPrefix(subject))
        subject = shorter;
    std::string masked;
    appendMasked(subject, masked);
    masked.resize(std::min(masked.size(), longestSubject));
    return masked;
}

} // namespace sluice
