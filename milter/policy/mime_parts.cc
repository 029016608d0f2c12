// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/mime_parts.hh"

#include "common/text.hh"
#include "milter/policy/mime_decoding.hh"
#include "milter/policy/text_lines.hh"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

/// What is read of a Content- header; the boundary (at most 70 characters by RFC 2046) is near.
constexpr std::size_t longestField = 2000;
constexpr std::size_t longestBoundary = 200;

std::string unfolded(std::string_view value) {
    std::string text(value.substr(0, longestField));
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\t'; }, ' ');
    return text;
}

std::string_view parameterValue(std::string_view text) {
    text = trim(text);
    if (!text.starts_with('"'))
        return text.substr(0, text.find_first_of("; "));
    text.remove_prefix(1);
    return text.substr(0, text.find('"'));
}

/// The boundary of a Content-Type; empty when it has none.
std::string boundaryOf(const std::string& contentType) {
    const std::string lower = toLowerAscii(contentType);
    const std::size_t name = lower.find("boundary");
    if (name == std::string::npos)
        return {};
    const std::size_t sign = lower.find('=', name);
    if (sign == std::string::npos)
        return {};
    const std::string_view value = parameterValue(std::string_view(contentType).substr(sign + 1));
    return std::string(trim(value).substr(0, longestBoundary));
}

bool beginsWith(std::string_view line, std::string_view lowerPrefix) {
    return line.size() >= lowerPrefix.size() &&
           equalsIgnoringCase(line.substr(0, lowerPrefix.size()), lowerPrefix);
}

/// The header of a part, or of the message as far as it is about MIME.
struct PartHeader {
    std::string type = "text/plain";
    std::string boundary;
    MimePart::Encoding encoding = MimePart::Encoding::none;
    bool attachment = false;

    void take(std::string_view name, std::string_view value) {
        if (equalsIgnoringCase(name, "Content-Type"))
            takeType(unfolded(value));
        else if (equalsIgnoringCase(name, "Content-Transfer-Encoding"))
            takeEncoding(toLowerAscii(trim(unfolded(value))));
        else if (equalsIgnoringCase(name, "Content-Disposition"))
            attachment = beginsWith(trim(unfolded(value)), "attachment");
    }

    [[nodiscard]] bool isMultipart() const { return type.starts_with("multipart/"); }

private:
    void takeType(const std::string& value) {
        const std::string_view text = trim(value);
        const std::string_view named = text.substr(0, text.find_first_of("; ("));
        if (named.find('/') == std::string_view::npos)
            return;
        type = toLowerAscii(named);
        boundary = isMultipart() ? boundaryOf(value) : std::string();
    }

    void takeEncoding(std::string_view value) {
        if (value.starts_with("quoted-printable"))
            encoding = MimePart::Encoding::quotedPrintable;
        else if (value.starts_with("base64"))
            encoding = MimePart::Encoding::base64;
        else
            encoding = MimePart::Encoding::none;
    }
};

bool isFieldLine(std::string_view line) {
    const std::size_t colon = line.find(':');
    return colon != std::string_view::npos && colon > 0 &&
           line.substr(0, colon).find_first_of(" \t\"<>@") == std::string_view::npos;
}

/// Goes through a body once, line by line, with the boundaries of the multiparts it is in.
class PartReader {
public:
    PartReader(PartHeader top, std::string_view body) : body_(body), header_(std::move(top)) {
        enterContent(0);
    }

    std::vector<MimePart> read() {
        TextLines lines(body_);
        std::string_view line;
        while (lines.next(line) && parts_.size() < maxMimeParts)
            readLine(line, lines);
        closePart(body_.size());
        return std::move(parts_);
    }

private:
    enum class State : std::uint8_t { header, content, between };

    void readLine(std::string_view line, const TextLines& lines) {
        if (line.starts_with("--") && passBoundary(line, lines))
            return;
        if (state_ == State::header)
            readHeaderLine(line, lines);
    }

    /// True when the line is a boundary of a multipart that is open.
    bool passBoundary(std::string_view line, const TextLines& lines) {
        for (std::size_t depth = boundaries_.size(); depth-- > 0;) {
            const std::string& boundary = boundaries_[depth];
            if (!line.substr(2).starts_with(boundary))
                continue;
            const std::string_view behind = trim(line.substr(2 + boundary.size()));
            if (!behind.empty() && behind != "--")
                continue;
            preamble_ = preamble_ && depth + 1 < boundaries_.size();
            closePart(lines.lineStart());
            boundaries_.resize(behind.empty() ? depth + 1 : depth);
            startPart(behind.empty() ? State::header : State::between, lines);
            return true;
        }
        return adoptBoundary(line, lines);
    }

    /// Before the first part of a multipart, a line of dashes that a Content- header follows is a
    /// boundary, whatever was announced.
    bool adoptBoundary(std::string_view line, const TextLines& lines) {
        if (state_ != State::between || !preamble_ || line.size() < 3 ||
            line.size() > longestBoundary || boundaries_.empty() ||
            !beginsWith(body_.substr(lines.nextStart()), "content-"))
            return false;
        boundaries_.back() = trim(line.substr(2));
        startPart(State::header, lines);
        return true;
    }

    void startPart(State state, const TextLines& lines) {
        state_ = state;
        preamble_ = false;
        header_ = PartHeader();
        field_.clear();
        blankLines_ = 0;
        contentStart_ = lines.nextStart();
    }

    void readHeaderLine(std::string_view line, const TextLines& lines) {
        if (trim(line).empty()) {
            takeField();
            const bool headerFollows = blankLines_++ == 0 && !headerSeen_ &&
                                       beginsWith(body_.substr(lines.nextStart()), "content-");
            if (!headerFollows)
                enterContent(lines.nextStart());
            return;
        }
        if ((line.front() == ' ' || line.front() == '\t') && !field_.empty()) {
            if (field_.size() < longestField)
                field_.append(line.substr(0, longestField));
            return;
        }
        takeField();
        if (!isFieldLine(line) || beginsMessage(line)) {
            enterContent(lines.lineStart());
            return;
        }
        headerSeen_ = true;
        field_ = line.substr(0, longestField);
    }

    /// Is the line of a returned message, with no blank line between its header and that of the
    /// part?
    [[nodiscard]] bool beginsMessage(std::string_view line) const {
        const bool ofMessage =
            header_.type == "message/rfc822" || header_.type == "text/rfc822-headers";
        return (ofMessage && !beginsWith(line, "content-") && !beginsWith(line, "mime-version")) ||
               beginsWith(line, "received:") || beginsWith(line, "return-path:");
    }

    void takeField() {
        if (const std::size_t colon = field_.find(':'); colon != std::string::npos)
            header_.take(trim(std::string_view(field_).substr(0, colon)),
                         std::string_view(field_).substr(colon + 1));
        field_.clear();
    }

    void enterContent(std::size_t start) {
        headerSeen_ = false;
        contentStart_ = start;
        state_ = State::content;
        if (!header_.isMultipart() || boundaries_.size() >= maxMimeDepth)
            return;
        // one that announces none has a boundary that no line equals, until one is adopted
        boundaries_.push_back(header_.boundary.empty() ? std::string(longestBoundary + 1, '-')
                                                       : header_.boundary);
        state_ = State::between;
        preamble_ = true;
    }

    void closePart(std::size_t end) {
        if (state_ == State::header)
            takeField();
        const bool lost = state_ == State::between && preamble_; // its boundary never came
        if (state_ == State::content || lost) {
            MimePart part;
            part.type = lost ? "text/plain" : header_.type;
            part.encoding = header_.encoding;
            part.attachment = header_.attachment;
            part.content = body_.substr(contentStart_, end - contentStart_);
            if (!lost || !trim(part.content).empty())
                parts_.push_back(std::move(part));
        }
        headerSeen_ = false;
        state_ = State::between;
    }

    std::string_view body_;
    PartHeader header_;
    State state_ = State::content;
    bool preamble_ = false;
    bool headerSeen_ = false;
    unsigned blankLines_ = 0;
    std::size_t contentStart_ = 0;
    std::string field_;
    std::vector<std::string> boundaries_;
    std::vector<MimePart> parts_;
};

} // namespace

std::string MimePart::decoded(std::size_t limit) const {
    switch (encoding) {
    case Encoding::quotedPrintable:
        return decodeQuotedPrintable(content, limit);
    case Encoding::base64:
        return decodeBase64(content, limit);
    case Encoding::none:
        break;
    }
    return std::string(content.substr(0, limit));
}

std::vector<MimePart> mimeParts(const HeaderList& headers, std::string_view body) {
    PartHeader top;
    for (std::size_t i = 0; i < headers.fieldsKept(); ++i) {
        const auto [name, value] = headers.field(i);
        top.take(name, value);
    }
    return PartReader(std::move(top), body).read();
}

} // namespace sluice
