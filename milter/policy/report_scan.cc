// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/report_scan.hh"

#include "common/text.hh"
#include "milter/policy/header_addresses.hh"
#include "milter/policy/mime_parts.hh"
#include "milter/policy/mime_text.hh"
#include "milter/policy/reported_recipients.hh"
#include "milter/policy/text_lines.hh"
#include "milter/policy/trace_stamp.hh"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace sluice {
namespace {

constexpr std::size_t maxPartText = 64UL * 1024;
constexpr std::size_t longestValue = 4000;
/// Fields that a header of a message has; so many of them together are one, even within a text.
constexpr unsigned enoughFields = 3;
constexpr std::array<std::string_view, 12> messageFields{
    "From",   "To",         "Cc",           "Subject",      "Date",     "Received",
    "Sender", "Message-ID", "MIME-Version", "Content-Type", "Reply-To", "Return-Path"};

bool isAmong(std::string_view name, const auto& names) {
    return std::any_of(names.begin(), names.end(), [name](std::string_view candidate) {
        return equalsIgnoringCase(candidate, name);
    });
}

/// A line without the marks of a quotation in front.
struct Unquoted {
    std::string_view line;
    bool bare = false; ///< no blank stood behind the last mark
};

/// `keepBlank`: the quotation puts no blank behind its marks, so one that is there folds a line.
Unquoted withoutQuoteMarks(std::string_view line, bool keepBlank) {
    constexpr int deepestQuotation = 5;
    Unquoted result{line, false};
    for (int i = 0; i < deepestQuotation; ++i) {
        if (!result.line.starts_with('>') && !result.line.starts_with('|'))
            break;
        result.line.remove_prefix(1);
        result.bare = !result.line.starts_with(' ');
        if (!result.bare && !keepBlank)
            result.line.remove_prefix(1);
    }
    return result;
}

std::size_t indentOf(std::string_view line) {
    return std::min(line.find_first_not_of(" \t"), line.size());
}

/// The length of a field name that `line` begins with, before any blank in front of the colon; 0
/// for none.
std::size_t fieldNameLength(std::string_view line) {
    std::size_t end = 0;
    while (end < line.size() && ((lowerAscii(line[end]) >= 'a' && lowerAscii(line[end]) <= 'z') ||
                                 (line[end] >= '0' && line[end] <= '9') || line[end] == '-'))
        ++end;
    const std::size_t colon = line.find_first_not_of(' ', end);
    return colon != std::string_view::npos && line[colon] == ':' ? end : 0;
}

/// Reads the fields of a report wherever they stand, and headers of an original.
class ReportReader {
public:
    void readTop(const HeaderList& headers) {
        for (std::size_t i = 0; i < headers.fieldsKept(); ++i) {
            const auto [name, value] = headers.field(i);
            recipients_.takeField(name, value);
            if (equalsIgnoringCase(name, "X-Failed-Recipients"))
                recipients_.takeList(value);
            else if (equalsIgnoringCase(name, "In-Reply-To") && inReplyTo_.empty())
                inReplyTo_ = canonicalMessageId(value);
            else if (equalsIgnoringCase(name, "References"))
                references_ = value.substr(std::min(value.rfind('<'), value.size()));
        }
        recipients_.endGroup();
    }

    void readPart(const MimePart& part) {
        if (part.type.starts_with("message/rfc822") || part.type == "text/rfc822-headers" ||
            part.type == "message/rfc822-headers" || part.type == "message/global" ||
            part.type == "message/global-headers" || part.type == "message/partial")
            readOriginal(part);
        else if (part.type.starts_with("text/") || part.type.starts_with("message/"))
            readText(part);
    }

    ReportFindings findings() {
        if (!original_.messageId.empty())
            found_.originalMessageId = std::move(original_.messageId);
        for (std::string* candidate : {&namedOriginal_, &strayId_, &inReplyTo_})
            if (found_.originalMessageId.empty())
                found_.originalMessageId = std::move(*candidate);
        if (found_.originalMessageId.empty())
            found_.originalMessageId = canonicalMessageId(references_);
        found_.originalStamps = std::move(original_.stamps);
        if (const auto senders = headerAddresses(original_.from); !senders.empty())
            found_.originalSender = senders.front().key();
        found_.deliveryStatus = found_.deliveryStatus || recipients_.fieldsSeen();
        found_.delayed = recipients_.delayed();
        found_.failedRecipients = recipients_.failed();
        return std::move(found_);
    }

private:
    /// A run of header fields.
    struct Block {
        unsigned known = 0; ///< fields that headers of messages have
        std::string messageId;
        std::string from;
        std::vector<std::string> stamps;
    };

    void readOriginal(const MimePart& part) {
        needed_ = 1;
        scan(part.decoded(maxPartText));
    }

    void readText(const MimePart& part) {
        needed_ = enoughFields;
        found_.deliveryStatus = found_.deliveryStatus || part.type == "message/delivery-status" ||
                                part.type == "message/global-delivery-status";
        scan(readableText(part, maxPartText));
    }

    void scan(const std::string& text) {
        originalSeen_ = false;
        TextLines lines(text);
        std::string_view line;
        while (!originalSeen_ && lines.next(line))
            readQuotedLine(line);
        endBlock();
        recipients_.endGroup();
    }

    void readQuotedLine(std::string_view line) {
        const auto [unquoted, bare] = withoutQuoteMarks(line, !name_.empty() && bareMarks_);
        readLine(unquoted);
        if (!name_.empty() && indentOf(unquoted) == indent_)
            bareMarks_ = bare;
    }

    void readLine(std::string_view line) {
        const std::size_t indent = indentOf(line);
        const std::string_view text = trim(line);
        if (text.empty()) {
            endBlock();
            recipients_.endGroup();
            return;
        }
        if (!name_.empty() && indent > indent_) {
            if (value_.size() < longestValue)
                value_.append(" ").append(text.substr(0, longestValue));
            return;
        }
        const std::size_t nameLength = fieldNameLength(text);
        if (nameLength == 0) {
            endBlock();
            if (!found_.originalReturned)
                recipients_.takeTextLine(text);
            return;
        }
        endField();
        indent_ = indent;
        name_ = text.substr(0, nameLength);
        value_ = text.substr(text.find(':') + 1, longestValue);
    }

    void endField() {
        if (name_.empty())
            return;
        const std::string_view value = value_;
        block_.known += isAmong(name_, messageFields) ? 1U : 0U;
        if (equalsIgnoringCase(name_, "Message-ID"))
            block_.messageId = canonicalMessageId(value);
        else if (equalsIgnoringCase(name_, "From"))
            block_.from = value;
        else if (equalsIgnoringCase(name_, traceHeader))
            addStamp(value);
        else if (equalsIgnoringCase(name_, "Original-Message-ID") ||
                 equalsIgnoringCase(name_, "X-Original-Message-ID"))
            namedOriginal_ = canonicalMessageId(value);
        else if (needed_ == enoughFields) // a returned original may be a report itself
            recipients_.takeField(name_, value);
        name_.clear();
    }

    void addStamp(std::string_view value) {
        constexpr std::size_t longestStamp = 100;
        if (block_.stamps.size() < ReportFindings::maxStamps)
            block_.stamps.emplace_back(trim(value).substr(0, longestStamp));
    }

    void endBlock() {
        endField();
        Block block = std::exchange(block_, {});
        if (block.known < needed_) {
            if (strayId_.empty())
                strayId_ = std::move(block.messageId);
            return;
        }
        found_.originalReturned = true;
        if (!original_.messageId.empty())
            return;
        originalSeen_ = !block.messageId.empty() || needed_ == 1;
        if (originalSeen_ || original_.known == 0)
            original_ = std::move(block);
    }

    ReportFindings found_;
    Block original_;
    bool originalSeen_ = false; ///< the rest of the part is the original's own text
    std::string namedOriginal_;
    std::string strayId_;
    std::string inReplyTo_;
    std::string references_;
    ReportedRecipients recipients_;

    unsigned needed_ = enoughFields;
    Block block_;
    std::string name_; ///< of the field that is being read; empty: none
    std::string value_;
    std::size_t indent_ = 0;
    bool bareMarks_ = false; ///< the quotation around it has no blank behind its marks
};

} // namespace

ReportFindings scanReport(const std::vector<MimePart>& parts, const HeaderList& headers) {
    ReportReader reader;
    reader.readTop(headers);
    for (const MimePart& part : parts)
        reader.readPart(part);
    return reader.findings();
}

ReportFindings scanReport(const HeaderList& headers, std::string_view bodyPrefix) {
    return scanReport(mimeParts(headers, bodyPrefix), headers);
}

} // namespace sluice
