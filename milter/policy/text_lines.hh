// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice {

/// The lines of a text one after the other, without the CRLF or LF that ends them.
class TextLines {
public:
    explicit TextLines(std::string_view text) : text_(text) {}

    /// False when there is none left. A text that ends in a line end has no empty line behind it.
    bool next(std::string_view& line) {
        if (at_ >= text_.size())
            return false;
        start_ = at_;
        const std::size_t feed = text_.find('\n', at_);
        const std::size_t end = feed == std::string_view::npos ? text_.size() : feed;
        at_ = feed == std::string_view::npos ? text_.size() : feed + 1;
        line = text_.substr(start_, end - start_);
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        return true;
    }

    /// Where the line that next() gave begins, and where the one behind it does.
    [[nodiscard]] std::size_t lineStart() const { return start_; }
    [[nodiscard]] std::size_t nextStart() const { return at_; }

private:
    std::string_view text_;
    std::size_t start_ = 0;
    std::size_t at_ = 0;
};

} // namespace sluice
