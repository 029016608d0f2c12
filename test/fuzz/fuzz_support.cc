// SPDX-License-Identifier: BSD-2-Clause
#include "test/fuzz/fuzz_support.hh"

#include "milter/policy/text_lines.hh"

#include <cstdlib>
#include <string>

namespace sluice::fuzz {

void require(bool holds) {
    if (!holds)
        std::abort();
}

MessageText messageOf(std::string_view octets) {
    MessageText message;
    std::string field;
    const auto finish = [&] {
        const std::size_t colon = field.find(':');
        if (!field.empty())
            message.headers.add(std::string_view(field).substr(0, colon),
                                colon == std::string::npos
                                    ? std::string_view()
                                    : std::string_view(field).substr(colon + 1));
        field.clear();
    };
    TextLines lines(octets);
    std::string_view line;
    while (lines.next(line) && !line.empty()) {
        if ((line.front() == ' ' || line.front() == '\t') && !field.empty()) {
            field.append("\r\n").append(line);
            continue;
        }
        finish();
        field = line;
    }
    finish();
    message.body = octets.substr(std::min(lines.nextStart(), octets.size()));
    return message;
}

} // namespace sluice::fuzz
