// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::ctl::audit {

/// A line of a file; without a file: nowhere in particular.
struct Place {
    std::string file;
    std::size_t line = 0; ///< 0: the file as a whole

    /// "FILE:LINE", as it is: not yet fit for a terminal.
    [[nodiscard]] std::string text() const {
        return line == 0 ? file : file + ':' + std::to_string(line);
    }
};

enum class Severity : std::uint8_t {
    high,   ///< an incident waits to happen
    medium, ///< a protection has a hole
    low,    ///< worth a change
    info,   ///< worth knowing; nothing to mend
};

std::string_view nameOf(Severity severity);

/// One result of the review. Its texts are as the configuration has them: who shows them escapes
/// them.
struct Finding {
    Severity severity;
    std::string_view code; ///< a stable name, for programs
    Place place;
    std::string what; ///< what is found, a sentence without a full stop
    std::string why;  ///< why it matters, a sentence without a full stop
    /// For a list: which conditions of a storm of reports it meets.
    std::vector<std::string_view> conditions = {};
    std::vector<std::string> mend = {}; ///< the lines to write
    std::string mendFile = {};          ///< where to write them
};

using Findings = std::vector<Finding>;

} // namespace sluice::ctl::audit
