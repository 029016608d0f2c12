// SPDX-License-Identifier: BSD-2-Clause
#include "common/words.hh"

#include "common/text.hh"

#include <cstddef>

namespace sluice {

namespace {

bool isBlank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// Follows the quotes of a text from octet to octet.
class QuoteTracker {
public:
    void take(char c) {
        if (escaped_)
            escaped_ = false;
        else if (quoted_ && c == '\\')
            escaped_ = true;
        else if (c == '"')
            quoted_ = !quoted_;
    }
    [[nodiscard]] bool quoted() const { return quoted_; }

private:
    bool quoted_ = false;
    bool escaped_ = false;
};

/// Takes the word at the front of `rest`, which begins with no blank.
Result<std::string_view> takeRawWord(std::string_view& rest) {
    QuoteTracker quotes;
    std::size_t end = 0;
    while (end < rest.size() && (quotes.quoted() || !isBlank(rest[end])))
        quotes.take(rest[end++]);
    if (quotes.quoted())
        return fail("a quote is not closed in " + quoteForDisplay(rest));
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(end);
    return word;
}

/// One quoted string from the first octet to the last: `"a b"`, not `"a"b"c"`.
bool isQuotedAsWhole(std::string_view rawWord) {
    if (rawWord.size() < 2 || rawWord.front() != '"')
        return false;
    std::size_t at = 1;
    while (at < rawWord.size() && rawWord[at] != '"')
        at += rawWord[at] == '\\' ? 2U : 1U;
    return at + 1 == rawWord.size();
}

bool needsQuotes(std::string_view text) {
    return text.empty() || text.front() == '#' ||
           text.find_first_of(" \t\r\n\"") != std::string_view::npos;
}

} // namespace

std::string_view withoutComment(std::string_view line) {
    QuoteTracker quotes;
    for (std::size_t at = 0; at < line.size(); ++at) {
        if (line[at] == '#' && !quotes.quoted() && (at == 0 || isBlank(line[at - 1])))
            return trim(line.substr(0, at));
        quotes.take(line[at]);
    }
    return trim(line);
}

Result<std::vector<std::string_view>> splitRawWords(std::string_view text) {
    std::vector<std::string_view> words;
    for (std::string_view rest = trim(text); !rest.empty(); rest = trim(rest)) {
        const auto word = takeRawWord(rest);
        if (!word)
            return tl::unexpected(word.error());
        words.push_back(*word);
    }
    return words;
}

std::string unquoteWord(std::string_view rawWord) {
    std::string word;
    bool quoted = false;
    for (std::size_t at = 0; at < rawWord.size(); ++at) {
        const char next = at + 1 < rawWord.size() ? rawWord[at + 1] : '\0';
        if (rawWord[at] == '"')
            quoted = !quoted;
        else if (quoted && rawWord[at] == '\\' && (next == '"' || next == '\\'))
            word += rawWord[++at];
        else
            word += rawWord[at];
    }
    return word;
}

Result<std::vector<std::string>> splitWords(std::string_view text) {
    const auto rawWords = splitRawWords(text);
    if (!rawWords)
        return tl::unexpected(rawWords.error());
    std::vector<std::string> words;
    words.reserve(rawWords->size());
    for (const std::string_view word : *rawWords)
        words.push_back(unquoteWord(word));
    return words;
}

std::string unquoteWhole(std::string_view rawWord) {
    return isQuotedAsWhole(rawWord) ? unquoteWord(rawWord) : std::string(rawWord);
}

std::vector<std::string_view> splitOutsideQuotes(std::string_view rawWord, char separator) {
    std::vector<std::string_view> parts;
    QuoteTracker quotes;
    std::size_t start = 0;
    for (std::size_t at = 0; at < rawWord.size(); ++at) {
        if (rawWord[at] == separator && !quotes.quoted()) {
            parts.push_back(rawWord.substr(start, at - start));
            start = at + 1;
        }
        quotes.take(rawWord[at]);
    }
    parts.push_back(rawWord.substr(start));
    return parts;
}

std::string quoteWord(std::string_view text) {
    if (!needsQuotes(text))
        return std::string(text);
    std::string word = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            word += '\\';
        word += c;
    }
    return word + '"';
}

} // namespace sluice
