// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/address_domains.hh"

#include <cstdint>
#include <utility>

namespace sluice {
namespace {

constexpr std::size_t npos = std::string_view::npos;

bool isBlank(char c) {
    return c == ' ' || c == '\t';
}

bool isSpace(char c) {
    return isBlank(c) || c == '\r' || c == '\n';
}

/// No control character stands in the text but in a fold: CRLF and a blank.
bool isCleanlyFolded(std::string_view text) {
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto octet = static_cast<unsigned char>(text[at]);
        if (octet == '\r' && text.substr(at, 2) == "\r\n" && at + 2 < text.size() &&
            isBlank(text[at + 2]))
            ++at;
        else if ((octet < 0x20 && octet != '\t') || octet == 0x7F)
            return false;
    }
    return true;
}

/// Behind the comment that begins at `at`; npos: it is not closed.
std::size_t endOfComment(std::string_view text, std::size_t at) {
    std::size_t depth = 0;
    for (; at < text.size(); ++at) {
        if (text[at] == '\\')
            ++at;
        else if (text[at] == '(')
            ++depth;
        else if (text[at] == ')' && --depth == 0)
            return at + 1;
    }
    return npos;
}

/// Behind the quoted string or domain literal that begins at `at`, by the octet that closes it.
std::size_t endOfQuoted(std::string_view text, std::size_t at, char close) {
    for (++at; at < text.size(); ++at) {
        if (text[at] == '\\')
            ++at;
        else if (text[at] == close)
            return at + 1;
    }
    return npos;
}

/// The comments in what stands between two words, which all are closed.
std::string commentsOf(std::string_view gap) {
    std::string comments;
    for (std::size_t at = gap.find('('); at != npos; at = gap.find('(', at)) {
        const std::size_t end = endOfComment(gap, at);
        comments.append(gap.substr(at, end - at));
        at = end;
    }
    return comments;
}

struct Token {
    enum class Kind : std::uint8_t {
        end,
        broken,  ///< something is not closed
        word,    ///< letters and dots, with nothing between them
        quoted,  ///< a quoted string
        literal, ///< `[192.0.2.1]`
        special, ///< one octet that has a meaning
    };
    Kind kind = Kind::end;
    std::size_t begin = 0;
    std::size_t end = 0;
    char special = '\0';
};

/// Takes the text apart. Blanks and comments stand between tokens.
class Lexer {
public:
    explicit Lexer(std::string_view text) : text_(text) {}

    /// `literalHere`: a `[` begins a domain literal; elsewhere it means nothing.
    Token next(bool literalHere);

    [[nodiscard]] std::string_view text() const { return text_; }

private:
    [[nodiscard]] bool skipGap();
    Token to(Token::Kind kind, std::size_t end);

    std::string_view text_;
    std::size_t at_ = 0;
};

bool Lexer::skipGap() {
    while (at_ < text_.size() && (isSpace(text_[at_]) || text_[at_] == '('))
        if (text_[at_] != '(')
            ++at_;
        else if (at_ = endOfComment(text_, at_); at_ == npos)
            return false;
    return true;
}

Token Lexer::to(Token::Kind kind, std::size_t end) {
    if (end == npos)
        return {Token::Kind::broken};
    return {kind, std::exchange(at_, end), end};
}

Token Lexer::next(bool literalHere) {
    static constexpr std::string_view specials = "()<>[]:;@\\,\"";
    if (!skipGap())
        return {Token::Kind::broken};
    if (at_ == text_.size())
        return {};
    const char c = text_[at_];
    if (c == '"')
        return to(Token::Kind::quoted, endOfQuoted(text_, at_, '"'));
    if (c == '[' && literalHere)
        return to(Token::Kind::literal, endOfQuoted(text_, at_, ']'));
    if (specials.find(c) != npos) {
        Token token = to(Token::Kind::special, at_ + 1);
        token.special = c;
        return token;
    }
    std::size_t end = at_;
    while (end < text_.size() && !isSpace(text_[end]) && specials.find(text_[end]) == npos)
        ++end;
    return to(Token::Kind::word, end);
}

/// `local@domain`, token by token; what turns out to be none may yet be a display name.
class AddrSpec {
public:
    void add(const Token& token, std::string_view text);

    /// Next comes the first token of the domain.
    [[nodiscard]] bool atDomain() const { return hasAt_ && domain_.name.empty(); }
    [[nodiscard]] bool empty() const { return !hasLast_ && !hasAt_; }
    [[nodiscard]] bool hasAt() const { return hasAt_; }
    [[nodiscard]] bool good() const { return hasAt_ && !broken_ && !domain_.name.empty(); }
    AddressDomain takeDomain() { return std::move(domain_); }

private:
    [[nodiscard]] bool joins(const Token& token, std::string_view text) const;
    void addToDomain(const Token& token, std::string_view text);

    Token last_; ///< of the local part or of the domain
    bool hasLast_ = false;
    bool hasAt_ = false;
    bool broken_ = false;
    AddressDomain domain_;
};

/// Words that follow each other have a dot between them.
bool AddrSpec::joins(const Token& token, std::string_view text) const {
    return !hasLast_ || text[last_.end - 1] == '.' || text[token.begin] == '.';
}

void AddrSpec::addToDomain(const Token& token, std::string_view text) {
    const bool first = domain_.name.empty();
    broken_ = broken_ || token.kind == Token::Kind::quoted ||
              (token.kind == Token::Kind::literal && !first);
    if (first)
        domain_.begin = token.begin;
    else
        domain_.comments += commentsOf(text.substr(domain_.end, token.begin - domain_.end));
    domain_.name.append(text.substr(token.begin, token.end - token.begin));
    domain_.end = token.end;
}

void AddrSpec::add(const Token& token, std::string_view text) {
    if (token.kind == Token::Kind::special) {
        broken_ = broken_ || token.special != '@' || hasAt_ || !hasLast_;
        hasAt_ = hasAt_ || token.special == '@';
        hasLast_ = hasLast_ && token.special != '@';
        return;
    }
    broken_ = broken_ || !joins(token, text);
    if (hasAt_)
        addToDomain(token, text);
    last_ = token;
    hasLast_ = true;
}

class AddressList {
public:
    explicit AddressList(std::string_view text) : lexer_(text) {}

    [[nodiscard]] bool read();
    std::vector<AddressDomain> takeFound() { return std::move(found_); }

private:
    [[nodiscard]] bool take(const Token& token);
    [[nodiscard]] bool openGroup();
    [[nodiscard]] bool closeGroup();
    [[nodiscard]] bool finish();
    [[nodiscard]] bool readAngle();
    [[nodiscard]] bool skipRoute();
    [[nodiscard]] bool keep(AddrSpec& spec);

    Lexer lexer_;
    AddrSpec spec_;       ///< what has been read since the last comma
    bool closed_ = false; ///< the address is complete, and nothing more may belong to it
    bool inGroup_ = false;
    std::vector<AddressDomain> found_;
};

/// A name without an address is none that could be wrong: `<root>`, `undisclosed`.
bool AddressList::keep(AddrSpec& spec) {
    if (spec.hasAt() && !spec.good())
        return false;
    if (spec.hasAt())
        found_.push_back(spec.takeDomain());
    return true;
}

bool AddressList::finish() {
    const bool good = closed_ || keep(spec_);
    spec_ = AddrSpec();
    closed_ = false;
    return good;
}

bool AddressList::openGroup() {
    const bool good = !inGroup_ && !closed_ && !spec_.empty() && !spec_.hasAt();
    inGroup_ = true;
    spec_ = AddrSpec();
    return good;
}

bool AddressList::closeGroup() {
    const bool good = inGroup_ && finish();
    inGroup_ = false;
    closed_ = true;
    return good;
}

/// `@a.example,@b.example:`, from behind the first `@`.
bool AddressList::skipRoute() {
    bool literalHere = true;
    for (Token token = lexer_.next(true);; token = lexer_.next(literalHere)) {
        const bool special = token.kind == Token::Kind::special;
        if (special && token.special == ':')
            return true;
        const bool domain = token.kind == Token::Kind::word || token.kind == Token::Kind::literal;
        if (!domain && !(special && (token.special == '@' || token.special == ',')))
            return false;
        literalHere = special && token.special == '@';
    }
}

/// From behind the `<`.
bool AddressList::readAngle() {
    AddrSpec spec;
    bool first = true;
    for (;;) {
        const Token token = lexer_.next(spec.atDomain());
        if (token.kind == Token::Kind::end || token.kind == Token::Kind::broken)
            return false;
        if (token.kind == Token::Kind::special && token.special == '>')
            return keep(spec);
        if (token.kind == Token::Kind::special && token.special == '@' && first) {
            if (!skipRoute())
                return false;
        } else if (token.kind == Token::Kind::special && token.special != '@') {
            return false;
        } else {
            spec.add(token, lexer_.text());
        }
        first = false;
    }
}

bool AddressList::take(const Token& token) {
    switch (token.kind == Token::Kind::special ? token.special : '\0') {
    case ',':
        return finish();
    case ':':
        return openGroup();
    case ';':
        return closeGroup();
    case '<':
        if (closed_ || !readAngle())
            return false;
        closed_ = true;
        return true;
    default:
        if (!closed_)
            spec_.add(token, lexer_.text());
        return !closed_;
    }
}

bool AddressList::read() {
    for (;;) {
        const Token token = lexer_.next(spec_.atDomain());
        if (token.kind == Token::Kind::broken)
            return false;
        if (token.kind == Token::Kind::end)
            return finish() && !inGroup_;
        if (!take(token))
            return false;
    }
}

} // namespace

std::optional<std::vector<AddressDomain>> addressDomains(std::string_view value) {
    if (value.size() > longestAddressField || !isCleanlyFolded(value))
        return std::nullopt;
    AddressList list(value);
    if (!list.read())
        return std::nullopt;
    return list.takeFound();
}

} // namespace sluice
