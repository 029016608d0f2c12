// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/audit/aliases_text.hh"

#include "common/text.hh"
#include "milter/ctl/audit/config_text.hh"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace sluice::ctl::audit {
namespace {

using Kind = WrittenMember::Kind;

constexpr std::string_view blanks = " \t\r\n";
constexpr std::string_view includeMark = ":include:";

bool isControl(char c) {
    const auto octet = static_cast<unsigned char>(c);
    return (octet < 0x20 && blanks.find(c) == std::string_view::npos) || octet == 0x7F;
}

/// Follows quotes, `(comments)` and `<brackets>` of a text from octet to octet.
class Nesting {
public:
    void take(char c) {
        if (escaped_)
            escaped_ = false;
        else if (c == '\\')
            escaped_ = true;
        else if (quoted_ || c == '"')
            quoted_ = quoted_ != (c == '"');
        else if (c == '(')
            ++comments_;
        else if (c == ')' && comments_ > 0)
            --comments_;
        else if (comments_ == 0 && (c == '<' || c == '>'))
            bracket_ = c == '<';
    }
    [[nodiscard]] bool quoted() const { return quoted_; }
    [[nodiscard]] bool inComment() const { return comments_ > 0; }
    [[nodiscard]] bool inside() const { return quoted_ || comments_ > 0 || bracket_; }

private:
    bool quoted_ = false;
    bool escaped_ = false;
    bool bracket_ = false;
    std::size_t comments_ = 0;
};

/// The parts between separators that stand for themselves. nullopt: something is not closed.
std::optional<std::vector<std::string_view>> splitOutside(std::string_view text,
                                                          std::string_view separators) {
    std::vector<std::string_view> parts;
    Nesting nesting;
    std::size_t start = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (!nesting.inside() && separators.find(text[at]) != std::string_view::npos) {
            parts.push_back(text.substr(start, at - start));
            start = at + 1;
        } else {
            nesting.take(text[at]);
        }
    }
    parts.push_back(text.substr(start));
    if (nesting.inside())
        return std::nullopt;
    return parts;
}

std::string withoutComments(std::string_view text) {
    std::string kept;
    Nesting nesting;
    for (const char c : text) {
        const bool before = nesting.inComment();
        nesting.take(c);
        if (!before && !nesting.inComment())
            kept += c;
    }
    return kept;
}

/// `"|command with blanks"` and `":include:/path"` are quoted as a whole; the quotes of
/// `"Ted Bremer"@example.org` belong to the address.
std::string unquotedWhole(std::string_view text) {
    if (text.size() < 2 || text.front() != '"' || text.back() != '"')
        return std::string(text);
    std::string inside;
    for (std::size_t at = 1; at + 1 < text.size(); ++at) {
        if (text[at] == '\\' && at + 2 < text.size())
            ++at;
        else if (text[at] == '"')
            return std::string(text); // it ends here: two quoted strings
        inside += text[at];
    }
    return inside;
}

std::string_view addressIn(std::string_view text) {
    const std::size_t open = text.find('<');
    const std::size_t close = text.rfind('>');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open)
        return text;
    return trim(text.substr(open + 1, close - open - 1));
}

WrittenMember memberOf(std::string_view written) {
    std::string whole = unquotedWhole(written);
    if (whole.starts_with('|'))
        return {Kind::program, whole.substr(1)};
    if (whole.starts_with('/'))
        return {Kind::file, std::move(whole)};
    if (toLowerAscii(whole).starts_with(includeMark))
        return {Kind::include, unquotedWhole(trim(whole.substr(includeMark.size())))};
    if (written.starts_with('\\'))
        return {Kind::address, std::string(written.substr(1)), true};
    return {Kind::address, std::string(addressIn(written))};
}

/// Postfix takes `anna@a.example ben@b.example` for two addresses.
void addMembers(std::string_view part, std::vector<WrittenMember>& members) {
    const std::string text = withoutComments(part);
    const std::string_view seen = trim(text);
    if (seen.empty())
        return;
    const bool bare = seen.find_first_of("<\"|/:") == std::string_view::npos;
    if (!bare) {
        members.push_back(memberOf(seen));
        return;
    }
    for (const std::string& word : splitItems(seen))
        members.push_back(memberOf(word));
}

void add(AliasesText& found, std::string name, std::string_view members, std::size_t line) {
    auto parsed = parseMembers(members);
    if (!parsed)
        found.problems.push_back({line, parsed.error().message});
    else
        found.aliases.push_back({std::move(name), *std::move(parsed), line});
}

/// The colon behind the name, which may be quoted; npos: there is none.
std::size_t endOfName(std::string_view line) {
    Nesting nesting;
    for (std::size_t at = 0; at < line.size(); ++at) {
        if (line[at] == ':' && !nesting.quoted())
            return at;
        nesting.take(line[at]);
    }
    return std::string_view::npos;
}

} // namespace

Result<std::vector<WrittenMember>> parseMembers(std::string_view text) {
    if (std::any_of(text.begin(), text.end(), isControl))
        return fail("a control character in " + quoteForDisplay(text));
    const auto parts = splitOutside(text, ",");
    if (!parts)
        return fail("a quote, comment or bracket is not closed in " + quoteForDisplay(text));
    std::vector<WrittenMember> members;
    for (const std::string_view part : *parts)
        addMembers(part, members);
    return members;
}

AliasesText parseAliases(std::string_view text) {
    AliasesText found;
    for (const LogicalLine& line : logicalLines(text)) {
        const std::size_t colon = endOfName(line.text);
        const std::string name =
            colon == std::string_view::npos
                ? ""
                : unquotedWhole(trim(std::string_view(line.text).substr(0, colon)));
        if (name.empty())
            found.problems.push_back(
                {line.number, "expected NAME: MEMBER…, found " + quoteForDisplay(line.text)});
        else
            add(found, name, std::string_view(line.text).substr(colon + 1), line.number);
    }
    return found;
}

AliasesText parseVirtual(std::string_view text) {
    AliasesText found;
    for (const LogicalLine& line : logicalLines(text)) {
        auto [key, rest] = splitKey(line.text);
        if (key.ends_with(':'))
            key.pop_back();
        if (key.empty() || rest.empty())
            found.problems.push_back(
                {line.number, "expected PATTERN MEMBER…, found " + quoteForDisplay(line.text)});
        else
            add(found, std::move(key), rest, line.number);
    }
    return found;
}

IncludeText parseInclude(std::string_view text) {
    IncludeText found;
    std::size_t number = 0;
    for (const std::string_view line : split(text, '\n')) {
        ++number;
        const std::string_view seen = trim(line);
        if (seen.empty() || seen.front() == '#')
            continue;
        auto members = parseMembers(seen);
        if (members)
            found.members.insert(found.members.end(), std::make_move_iterator(members->begin()),
                                 std::make_move_iterator(members->end()));
        else
            found.problems.push_back({number, members.error().message});
    }
    return found;
}

} // namespace sluice::ctl::audit
