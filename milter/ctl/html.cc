// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/html.hh"

#include "common/text.hh"

#include <fmt/format.h>

namespace sluice::ctl {

Html htmlText(std::string_view text) {
    std::string escaped;
    escaped.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        const std::string_view character = text.substr(at, 3);
        if (character == "\uFFFE" || character == "\uFFFF") { // no characters of XML
            escaped += "\uFFFD";
            at += character.size() - 1;
            continue;
        }
        switch (c) {
        case '&':
            escaped += "&amp;";
            break;
        case '<':
            escaped += "&lt;";
            break;
        case '>':
            escaped += "&gt;";
            break;
        case '"':
            escaped += "&quot;";
            break;
        case '\'':
            escaped += "&#39;";
            break;
        default:
            escaped += c;
        }
    }
    return {std::move(escaped)};
}

Html shown(std::string_view untrusted, std::size_t limit) {
    return markup("<bdi>") + htmlText(escapeForDisplay(untrusted, limit)) + markup("</bdi>");
}

std::string grouped(std::uint64_t number) {
    constexpr std::size_t group = 3;
    std::string digits = std::to_string(number);
    for (std::size_t at = digits.size(); at > group;)
        digits.insert(at -= group, 1, ',');
    return digits;
}

std::string counted(std::uint64_t number, std::string_view one, std::string_view many) {
    return fmt::format("{} {}", grouped(number), number == 1 ? one : many);
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0)
        return "–";
    const double value = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
    constexpr double exact = 10; // below it a digit behind the point tells something
    return value == 0 || value >= exact ? fmt::format("{:.0f}%", value)
                                        : fmt::format("{:.1f}%", value);
}

void HtmlTable::row(const std::vector<Html>& cells) {
    rows_ += markup("<tr>");
    // the span is one piece beside the heading where rows are blocks
    for (std::size_t i = 0; i < columns_.size(); ++i)
        rows_ +=
            markup(fmt::format("<td{} data-h=\"{}\"><span>",
                               columns_[i].number ? " class=\"n\"" : "", columns_[i].heading)) +
            cells[i] + markup("</span></td>");
    rows_ += markup("</tr>\n");
}

Html HtmlTable::html() const {
    Html table = markup("<table><thead><tr>");
    for (const Column& column : columns_)
        table += markup(fmt::format("<th scope=\"col\"{}>{}</th>",
                                    column.number ? " class=\"n\"" : "", column.heading));
    return table + markup("</tr></thead><tbody>\n") + rows_ + markup("</tbody></table>\n");
}

} // namespace sluice::ctl
