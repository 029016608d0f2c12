// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/milter_reply.hh"

#include "test/support/milter_protocol.hh"

#include <algorithm>
#include <array>

namespace sluice::mta {
namespace {

constexpr std::size_t codeDigits = 3;

tl::unexpected<Trouble> malformed(std::string_view what) {
    return trouble(Trouble::Kind::protocol, "malformed " + std::string(what) + " from the filter");
}

bool isDigit(char c) {
    return c >= '0' && c <= '9';
}

/// The strings of a payload, each of which ends with NUL; nullopt if the last one does not.
std::optional<std::vector<std::string>> strings(std::string_view payload) {
    std::vector<std::string> parts;
    while (!payload.empty()) {
        const auto end = payload.find('\0');
        if (end == std::string_view::npos)
            return std::nullopt;
        parts.emplace_back(payload.substr(0, end));
        payload.remove_prefix(end + 1);
    }
    return parts;
}

Outcome<Edit> headerEdit(Edit::Kind kind, std::string_view payload) {
    Edit edit{kind, {}, {}, 0, std::nullopt};
    if (kind != Edit::Kind::addHeader) {
        if (payload.size() < sizeof edit.index)
            return malformed("header edit");
        edit.index = decodeNumber(payload);
        payload.remove_prefix(sizeof edit.index);
    }
    auto parts = strings(payload);
    if (!parts || parts->size() != 2 || parts->front().empty())
        return malformed("header edit");
    edit.name = std::move(parts->front());
    edit.value = std::move(parts->back());
    return edit;
}

Outcome<Edit> addressEdit(Edit::Kind kind, std::string_view payload, std::size_t most) {
    auto parts = strings(payload);
    if (!parts || parts->empty() || parts->size() > most || parts->front().empty())
        return malformed("envelope edit");
    Edit edit{kind, {}, std::move(parts->front()), 0, std::nullopt};
    if (parts->size() == 2)
        edit.arguments = std::move(parts->back());
    return edit;
}

/// Length of `X.Y.Z` at the start, 0 if it does not stand there alone.
std::size_t enhancedCodeLength(std::string_view text) {
    std::size_t at = 0;
    for (int part = 0; part < 3; ++part) {
        const auto start = at;
        while (at < text.size() && at - start < codeDigits && isDigit(text[at]))
            ++at;
        if (at == start || (part < 2 && (at == text.size() || text[at++] != '.')))
            return 0;
    }
    return at == text.size() || text[at] == ' ' ? at : 0;
}

std::string withoutDoubledPercent(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        result += text[i];
        if (text.substr(i, 2) == "%%")
            ++i;
    }
    return result;
}

bool startsAsReply(std::string_view line) {
    return line.size() > codeDigits && (line[0] == '4' || line[0] == '5') && isDigit(line[1]) &&
           isDigit(line[2]) && (line[codeDigits] == ' ' || line[codeDigits] == '-');
}

int codeOf(std::string_view line) {
    return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

/// What stands behind the code, without an enhanced code that is the same in each line.
std::string_view textOf(std::string_view line, std::string_view enhanced) {
    line.remove_prefix(codeDigits + 1);
    if (!enhanced.empty() && line.substr(0, enhanced.size()) == enhanced)
        line.remove_prefix(std::min(line.size(), enhanced.size() + 1));
    return line;
}

std::vector<std::string_view> linesOf(std::string_view text) {
    std::vector<std::string_view> lines;
    for (auto end = text.find("\r\n"); end != std::string_view::npos; end = text.find("\r\n")) {
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end + 2);
    }
    lines.push_back(text);
    return lines;
}

Outcome<std::optional<Reply>> replyCode(std::string_view payload) {
    const auto parts = strings(payload);
    if (!parts || parts->size() != 1)
        return malformed("reply code");
    if (auto text = parseReplyLine(parts->front()); !text)
        return tl::unexpected(text.error());
    return Reply{Reply::Kind::replyCode, {}, parts->front()};
}

} // namespace

Outcome<ReplyText> parseReplyLine(std::string_view line) {
    const auto lines = linesOf(line);
    if (!startsAsReply(lines.front()))
        return malformed("reply code");
    ReplyText result{codeOf(lines.front()), {}, {}};
    const auto behindCode = lines.front().substr(codeDigits + 1);
    result.enhanced = behindCode.substr(0, enhancedCodeLength(behindCode));
    for (const auto& each : lines) {
        const bool last = &each == &lines.back();
        if (!startsAsReply(each) || codeOf(each) != result.code ||
            each[codeDigits] != (last ? ' ' : '-') ||
            each.find_first_of("\r\n") != std::string_view::npos)
            return malformed("reply code");
        result.text += withoutDoubledPercent(textOf(each, result.enhanced));
        result.text += last ? "" : "\n";
    }
    return result;
}

Outcome<std::optional<Reply>> parseReply(const Packet& packet) {
    switch (static_cast<Answer>(packet.code)) {
    case Answer::proceed:
        return Reply{Reply::Kind::proceed, {}, {}};
    case Answer::accept:
        return Reply{Reply::Kind::accept, {}, {}};
    case Answer::reject:
        return Reply{Reply::Kind::reject, {}, {}};
    case Answer::tempfail:
        return Reply{Reply::Kind::tempfail, {}, {}};
    case Answer::discard:
        return Reply{Reply::Kind::discard, {}, {}};
    case Answer::skip:
        return Reply{Reply::Kind::skip, {}, {}};
    case Answer::connectionFailure:
        return Reply{Reply::Kind::connectionFailure, {}, {}};
    case Answer::shutdown:
        return Reply{Reply::Kind::shutdown, {}, {}};
    case Answer::replyCode:
        return replyCode(packet.payload);
    case Answer::progress:
    case Answer::addHeader:
    case Answer::insertHeader:
    case Answer::changeHeader:
    case Answer::changeSender:
    case Answer::addRecipient:
    case Answer::addRecipientWithArguments:
    case Answer::deleteRecipient:
    case Answer::replaceBody:
    case Answer::quarantine:
        return std::nullopt;
    }
    return trouble(Trouble::Kind::protocol,
                   "unknown answer " + std::to_string(packet.code) + " from the filter");
}

Outcome<Edit> parseEdit(const Packet& packet) {
    switch (static_cast<Answer>(packet.code)) {
    case Answer::addHeader:
        return headerEdit(Edit::Kind::addHeader, packet.payload);
    case Answer::insertHeader:
        return headerEdit(Edit::Kind::insertHeader, packet.payload);
    case Answer::changeHeader:
        return headerEdit(Edit::Kind::changeHeader, packet.payload);
    case Answer::changeSender:
        return addressEdit(Edit::Kind::changeSender, packet.payload, 2);
    case Answer::addRecipient:
        return addressEdit(Edit::Kind::addRecipient, packet.payload, 1);
    case Answer::addRecipientWithArguments:
        return addressEdit(Edit::Kind::addRecipientWithArguments, packet.payload, 2);
    case Answer::deleteRecipient:
        return addressEdit(Edit::Kind::deleteRecipient, packet.payload, 1);
    case Answer::quarantine:
        return addressEdit(Edit::Kind::quarantine, packet.payload, 1);
    case Answer::replaceBody:
        return Edit{Edit::Kind::replaceBody, {}, packet.payload, 0, std::nullopt};
    case Answer::progress:
    case Answer::proceed:
    case Answer::accept:
    case Answer::reject:
    case Answer::tempfail:
    case Answer::discard:
    case Answer::skip:
    case Answer::connectionFailure:
    case Answer::shutdown:
    case Answer::replyCode:
        break;
    }
    return malformed("edit");
}

} // namespace sluice::mta
