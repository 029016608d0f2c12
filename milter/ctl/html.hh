// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Pieces of an HTML page that is well-formed XML as well. Only this type goes into the page, so no
/// text from outside gets there as it is.
namespace sluice::ctl {

struct Html {
    std::string text;

    Html& operator+=(const Html& more) {
        text += more.text;
        return *this;
    }
};

inline Html operator+(Html a, const Html& b) {
    a += b;
    return a;
}

/// Markup or words of ours, as they stand.
inline Html markup(std::string text) {
    return {std::move(text)};
}

/// With `& < > " '` as references, so that it is text wherever it stands.
Html htmlText(std::string_view text);

/// Text from outside: by escapeForDisplay(), and kept from turning the direction of writing of what
/// stands beside it. At most `limit` octets of it.
Html shown(std::string_view untrusted, std::size_t limit = 160);

/// "12,340".
std::string grouped(std::uint64_t number);
/// "1 message", "12,340 messages".
std::string counted(std::uint64_t number, std::string_view one, std::string_view many);
/// "12%", "0.3%"; "–" of nothing.
std::string percent(std::uint64_t part, std::uint64_t whole);

/// A table whose rows become blocks where the page is narrow.
class HtmlTable {
public:
    struct Column {
        std::string_view heading; ///< ours
        bool number = false;      ///< set to the right
    };

    explicit HtmlTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

    /// A cell for each column.
    void row(const std::vector<Html>& cells);
    [[nodiscard]] bool empty() const { return rows_.text.empty(); }
    [[nodiscard]] Html html() const;

private:
    std::vector<Column> columns_;
    Html rows_;
};

} // namespace sluice::ctl
