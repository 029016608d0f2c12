// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/mime_text.hh"

#include "milter/policy/html_text.hh"
#include "milter/policy/mime_parts.hh"

#include <algorithm>

namespace sluice {
namespace {

/// Tags take room, so more is read of HTML than is wanted of its text.
constexpr std::size_t markupFactor = 8;
/// More than is ever wanted, so that no sum of limits is too large for its type.
constexpr std::size_t longestText = 1UL << 20;

const MimePart* firstTextPart(const std::vector<MimePart>& parts) {
    const auto isText = [](const MimePart& part) {
        return !part.attachment && (part.type == "text/plain" || part.type == "text/html");
    };
    const auto found = std::find_if(parts.begin(), parts.end(), isText);
    return found == parts.end() ? nullptr : &*found;
}

/// Linear, since it only moves octets to the front.
void dropReturns(std::string& text) {
    std::size_t kept = 0;
    for (std::size_t start = 0; start < text.size();) {
        const std::size_t found = text.find("\r\n", start);
        const std::size_t end = std::min(found, text.size());
        std::copy(text.begin() + static_cast<std::ptrdiff_t>(start),
                  text.begin() + static_cast<std::ptrdiff_t>(end),
                  text.begin() + static_cast<std::ptrdiff_t>(kept));
        kept += end - start;
        start = found == std::string::npos ? text.size() : found + 1;
    }
    text.resize(kept);
}

} // namespace

std::string readableText(const MimePart& part, std::size_t limit) {
    limit = std::min(limit, longestText);
    std::string text;
    if (part.type == "text/html")
        text = textOfHtml(part.decoded(limit * markupFactor), limit);
    else
        text = part.decoded(limit * 2); // line ends shrink from two octets to one
    dropReturns(text);
    text.resize(std::min(text.size(), limit));
    return text;
}

std::string firstText(const std::vector<MimePart>& parts, std::size_t limit) {
    const MimePart* const part = firstTextPart(parts);
    return part == nullptr ? std::string() : readableText(*part, limit);
}

std::string_view firstTextAsSent(const HeaderList& headers, std::string_view bodyPrefix,
                                 std::size_t limit, std::string& room) {
    const std::vector<MimePart> parts = mimeParts(headers, bodyPrefix);
    const MimePart* const part = firstTextPart(parts);
    if (part == nullptr)
        return {};
    if (part->type == "text/plain" && part->encoding == MimePart::Encoding::none)
        return part->content.substr(0, limit);
    return room = readableText(*part, limit);
}

std::string firstText(const HeaderList& headers, std::string_view bodyPrefix, std::size_t limit) {
    return firstText(mimeParts(headers, bodyPrefix), limit);
}

} // namespace sluice
