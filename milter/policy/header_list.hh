// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// The header section of a message, as sent: one text of lines that end in CRLF, and where each
/// field stands in it. What goes beyond the limits is counted, not kept.
class HeaderList {
public:
    static constexpr std::size_t maxOctets = 1U << 20;
    static constexpr std::size_t maxFields = 10'000;
    /// Kept beyond the limits for From: and Sender: fields.
    static constexpr std::size_t authorOctets = 128UL * 1024;
    static constexpr std::size_t authorFields = 1'000;

    struct Field {
        std::string_view name;
        std::string_view value; ///< with its leading blank and its folds (CRLF and a blank)
    };

    /// `value` as the MTA hands it over: its lines may end in LF or CRLF.
    void add(std::string_view name, std::string_view value);

    [[nodiscard]] std::size_t fieldsKept() const { return fields_.size(); }
    [[nodiscard]] Field field(std::size_t index) const;
    [[nodiscard]] bool has(std::string_view name) const;
    /// The value of the topmost field of this name, in any case; empty when there is none.
    [[nodiscard]] std::string_view first(std::string_view name) const;
    /// The values of all fields of this name, each with a blank behind it.
    [[nodiscard]] std::string all(std::string_view name) const;
    /// The section as sent, without the empty line behind it; complete unless truncated().
    [[nodiscard]] const std::string& text() const { return text_; }
    /// True when a limit was reached: text() and the fields are the first part only, and the fields
    /// that name an author.
    [[nodiscard]] bool truncated() const { return truncated_; }
    /// Octets of the whole section, kept or not.
    [[nodiscard]] std::uint64_t octets() const { return octets_; }
    /// Received: lines (RFC 5321 section 6.3), kept or not.
    [[nodiscard]] std::uint64_t receivedCount() const { return receivedCount_; }

    void clear();

private:
    struct Place {
        std::size_t start;
        std::size_t nameLength;
        std::size_t end; ///< before the final CRLF
    };

    std::string text_;
    std::vector<Place> fields_;
    std::uint64_t octets_ = 0;
    std::uint64_t receivedCount_ = 0;
    bool truncated_ = false;
};

} // namespace sluice
