// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/html_text.hh"

#include "common/text.hh"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>

namespace sluice {
namespace {

void appendUtf8(std::string& text, char32_t value) {
    constexpr char32_t lastCodePoint = 0x10FFFF;
    if (value == 0 || value > lastCodePoint || (value >= 0xD800 && value <= 0xDFFF))
        return;
    if (value < 0x80) {
        text += static_cast<char>(value);
        return;
    }
    const std::size_t tail = value < 0x800 ? 1 : value < 0x10000 ? 2 : 3;
    constexpr std::array<unsigned, 4> leads{0x00, 0xC0, 0xE0, 0xF0};
    text += static_cast<char>(leads.at(tail) | static_cast<unsigned>(value >> (6 * tail)));
    for (std::size_t i = tail; i-- > 0;)
        text += static_cast<char>(0x80U | (static_cast<unsigned>(value >> (6 * i)) & 0x3FU));
}

struct Entity {
    std::string_view name;
    char32_t value;
};
constexpr std::array<Entity, 6> entities{
    {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}, {"nbsp", ' '}}};

std::optional<char32_t> numericEntity(std::string_view digits) {
    const bool hex = !digits.empty() && lowerAscii(digits.front()) == 'x';
    if (hex)
        digits.remove_prefix(1);
    std::uint32_t value = 0;
    const char* const end = digits.data() + digits.size();
    const auto [next, error] = std::from_chars(digits.data(), end, value, hex ? 16 : 10);
    if (digits.empty() || error != std::errc() || next != end)
        return std::nullopt;
    return static_cast<char32_t>(value);
}

std::optional<char32_t> entityValue(std::string_view name) {
    if (name.starts_with('#'))
        return numericEntity(name.substr(1));
    for (const Entity& entity : entities)
        if (entity.name == name)
            return entity.value;
    return std::nullopt;
}

/// Names of the tags that begin a line.
constexpr std::array<std::string_view, 16> blockTags{"br", "p",     "div", "tr",        "li", "ul",
                                                     "ol", "h1",    "h2",  "h3",        "h4", "hr",
                                                     "td", "table", "pre", "blockquote"};

class HtmlReader {
public:
    HtmlReader(std::string_view html, std::size_t limit) : html_(html), limit_(limit) {}

    std::string read() {
        while (at_ < html_.size() && text_.size() < limit_) {
            const char c = html_[at_];
            if (c == '<' && readTag())
                continue;
            if (c == '&' && readEntity())
                continue;
            emit(c);
            ++at_;
        }
        text_.resize(std::min(text_.size(), limit_));
        return std::move(text_);
    }

private:
    void emit(char c) {
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
            text_ += c;
        else if (!text_.empty() && text_.back() != ' ' && text_.back() != '\n')
            text_ += ' ';
    }

    void breakLine() {
        if (text_.ends_with(' '))
            text_.pop_back();
        if (!text_.empty() && text_.back() != '\n')
            text_ += '\n';
    }

    /// Where `end` stands behind at_. What was missed once is not looked for again, or a text of
    /// nothing but openings would be read once for each.
    std::size_t findEnd(std::string_view end, bool& missed) {
        if (missed)
            return std::string_view::npos;
        const std::size_t found = html_.find(end, at_);
        missed = found == std::string_view::npos;
        return found;
    }

    /// Passes a tag or comment at at_; false when the `<` is just a character.
    bool readTag() {
        const std::string_view behind = html_.substr(at_ + 1);
        if (behind.starts_with("!--")) {
            const std::size_t end = findEnd("-->", noComment_);
            if (end != std::string_view::npos) {
                at_ = end + 3;
                return true;
            }
        }
        if (behind.empty() || (!isLetter(behind[0]) && behind[0] != '/' && behind[0] != '!'))
            return false;
        const std::size_t end = findEnd(">", noTag_);
        if (end == std::string_view::npos)
            return false;
        const bool closes = behind[0] == '/';
        const std::string name = tagName(behind.substr(closes ? 1 : 0));
        at_ = end + 1;
        if (std::find(blockTags.begin(), blockTags.end(), name) != blockTags.end())
            breakLine();
        if (!closes && (name == "style" || name == "script"))
            skipRaw(name);
        return true;
    }

    /// The content of a style or script ends at its closing tag, or with the text.
    void skipRaw(const std::string& name) {
        const std::string closing = "</" + name;
        const auto found = std::search(
            html_.begin() + static_cast<std::ptrdiff_t>(at_), html_.end(), closing.begin(),
            closing.end(), [](char a, char b) { return lowerAscii(a) == lowerAscii(b); });
        at_ = static_cast<std::size_t>(found - html_.begin());
    }

    bool readEntity() {
        constexpr std::size_t longestEntity = 10;
        const std::string_view behind = html_.substr(at_ + 1, longestEntity);
        const std::size_t end = behind.find(';');
        if (end == std::string_view::npos)
            return false;
        const auto value = entityValue(behind.substr(0, end));
        if (!value)
            return false;
        if (*value == ' ')
            emit(' ');
        else
            appendUtf8(text_, *value);
        at_ += end + 2;
        return true;
    }

    static bool isLetter(char c) {
        const char lower = lowerAscii(c);
        return lower >= 'a' && lower <= 'z';
    }

    static std::string tagName(std::string_view behind) {
        constexpr std::size_t longestName = 12;
        const std::size_t end = behind.substr(0, longestName).find_first_of(" \t\r\n/>");
        return toLowerAscii(behind.substr(0, std::min(end, longestName)));
    }

    std::string_view html_;
    std::size_t limit_;
    std::size_t at_ = 0;
    std::string text_;
    bool noTag_ = false;
    bool noComment_ = false;
};

} // namespace

std::string textOfHtml(std::string_view html, std::size_t limit) {
    return HtmlReader(html, limit).read();
}

} // namespace sluice
