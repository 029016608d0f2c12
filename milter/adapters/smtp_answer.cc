// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/smtp_answer.hh"

#include <algorithm>

namespace sluice {
namespace {

constexpr std::size_t codeDigits = 3;

bool isDigit(char c) {
    return c >= '0' && c <= '9';
}

/// `220 text`, `220-text` or `220`.
bool beginsWithCode(std::string_view line) {
    if (line.size() < codeDigits || line[0] < '2' || line[0] > '5' ||
        !std::all_of(line.begin(), line.begin() + codeDigits, isDigit))
        return false;
    return line.size() == codeDigits || line[codeDigits] == ' ' || line[codeDigits] == '-';
}

} // namespace

SmtpAnswerReader::State SmtpAnswerReader::take(std::string_view octets) {
    begun_ = begun_ || !octets.empty();
    while (state_ == State::incomplete && !octets.empty()) {
        const std::size_t end = octets.find('\n');
        const std::string_view piece = octets.substr(0, end);
        if (line_.size() + piece.size() > longestLine)
            return state_ = State::tooLong;
        line_ += piece;
        if (end == std::string_view::npos)
            break;
        octets.remove_prefix(end + 1);
        if (line_.ends_with('\r'))
            line_.pop_back();
        state_ = takeLine(line_);
        line_.clear();
    }
    return state_;
}

SmtpAnswerReader::State SmtpAnswerReader::takeLine(std::string_view line) {
    if (answer_.lines.size() == mostLines)
        return State::tooLong;
    if (!beginsWithCode(line)) {
        answer_.lines.emplace_back(line);
        return State::noSmtp;
    }
    answer_.code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    answer_.lines.emplace_back(line.substr(std::min(line.size(), codeDigits + 1)));
    const bool more = line.size() > codeDigits && line[codeDigits] == '-';
    return more ? State::incomplete : State::complete;
}

} // namespace sluice
