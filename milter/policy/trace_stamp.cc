// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/trace_stamp.hh"

#include "common/base32.hh"
#include "common/digest.hh"
#include "common/text.hh"
#include "milter/policy/day_code.hh"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace sluice {
namespace {

constexpr std::string_view version = "1";
constexpr std::size_t tagOctets = 5; // 8 digits
constexpr std::size_t tagDigits = 8;
constexpr std::size_t hopDigits = 2;
constexpr std::size_t macOctets = 16;
constexpr std::size_t longestLine =
    76; // quoted-printable breaks longer ones (RFC 2045 section 6.7)
static_assert(traceHeader.size() + 2 + version.size() + 1 + Key::longestId + 1 + dayDigits + 1 +
                  tagDigits + 1 + hopDigits + 1 + (macOctets * 8 + 4) / 5 <=
              longestLine);

/// More than a stamp has, however it is folded.
constexpr std::size_t longestValue = 256;

// --- the Message-ID ---------------------------------------------------------------------------

bool isBlankOrControl(char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet <= 0x20 || octet == 0x7F;
}

/// Follows the comments (RFC 5322 section 3.2.2), which nest, from octet to octet.
class CommentTracker {
public:
    /// Is this octet part of a comment?
    bool take(char c) {
        if (escaped_) {
            escaped_ = false;
            return true;
        }
        escaped_ = depth_ > 0 && c == '\\';
        if (c == '(')
            ++depth_;
        else if (c == ')' && depth_ > 0)
            return --depth_, true;
        return depth_ > 0;
    }
    [[nodiscard]] bool open() const { return depth_ > 0; }

private:
    std::size_t depth_ = 0;
    bool escaped_ = false;
};

/// Where the first `<` outside comments stands. A comment that never ends hides nothing.
std::size_t openingBracket(std::string_view value) {
    CommentTracker comments;
    for (std::size_t at = 0; at < value.size(); ++at)
        if (!comments.take(value[at]) && value[at] == '<')
            return at;
    return comments.open() ? value.find('<') : std::string_view::npos;
}

std::string withoutComments(std::string_view value) {
    CommentTracker comments;
    std::string kept;
    for (const char c : value)
        if (!comments.take(c))
            kept += c;
    return comments.open() ? std::string(value) : kept;
}

std::string bareMessageId(std::string_view value) {
    const std::size_t bracket = openingBracket(value);
    if (bracket == std::string_view::npos)
        return withoutComments(value);
    value.remove_prefix(bracket + 1);
    return std::string(value.substr(0, value.find('>')));
}

/// Long Message-IDs that begin alike stay different.
std::string bounded(std::string id) {
    if (id.size() <= longestMessageId)
        return id;
    const Digest digest = sha256(id);
    const std::string end = '#' + encodeBase32(std::span(digest).first(macOctets));
    return id.substr(0, longestMessageId - end.size()) + end;
}

// --- the stamp --------------------------------------------------------------------------------

std::string subjectTag(const Key& key, std::string_view subject) {
    std::string text("trace subject\n");
    text.append(subject);
    const Digest digest = key.mac(text);
    return encodeBase32(std::span(digest).first(tagOctets));
}

/// All fields but the last.
std::string signedFields(const TraceStamp& stamp) {
    std::string text;
    text.reserve(longestLine);
    text.append(version).append(1, ' ').append(stamp.keyId).append(1, ' ');
    text.append(encodeDay(stamp.day)).append(1, ' ').append(stamp.tag).append(1, ' ');
    text.append(encodeBase32Number(stamp.hop, hopDigits));
    return text;
}

using Mac = std::array<std::uint8_t, macOctets>;

Mac macOf(const Key& key, std::string_view fields, std::string_view messageId) {
    constexpr std::string_view purpose = "trace stamp\n";
    std::string text;
    text.reserve(purpose.size() + fields.size() + 1 + messageId.size());
    text.append(purpose).append(fields).append(1, '\n').append(messageId);
    const Digest digest = key.mac(text);
    Mac mac{};
    std::copy_n(digest.begin(), mac.size(), mac.begin());
    return mac;
}

constexpr std::size_t fieldCount = 6;
using Fields = std::array<std::string_view, fieldCount>;

std::optional<Fields> fieldsOf(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    Fields fields;
    for (std::string_view& field : fields) {
        text = trim(text);
        field = text.substr(0, text.find_first_of(blanks));
        text.remove_prefix(field.size());
    }
    if (fields.back().empty() || !trim(text).empty())
        return std::nullopt;
    return fields;
}

/// As signedFields() wrote them.
std::string allButMac(const Fields& fields) {
    std::string text(fields.front());
    for (std::size_t at = 1; at + 1 < fields.size(); ++at)
        text.append(1, ' ').append(fields.at(at));
    return text;
}

/// Reads all fields but the MAC, in lower case.
std::optional<TraceStamp> readStamp(const Fields& fields) {
    const auto& [versionRead, keyId, day, tag, hop, mac] = fields;
    const auto dayRead = decodeDay(day);
    const auto hopRead = decodeBase32Number(hop);
    if (versionRead != version || !isBase32(keyId) || !dayRead || !isBase32(tag) ||
        tag.size() != tagDigits || !hopRead || hop.size() != hopDigits)
        return std::nullopt;
    return TraceStamp{std::string(keyId), *dayRead, std::string(tag),
                      static_cast<unsigned>(*hopRead)};
}

} // namespace

std::string canonicalMessageId(std::string_view headerValue) {
    std::string id = bareMessageId(headerValue);
    id.erase(std::remove_if(id.begin(), id.end(), isBlankOrControl), id.end());
    if (const std::size_t at = id.rfind('@'); at != std::string::npos)
        std::transform(id.begin() + static_cast<std::ptrdiff_t>(at), id.end(),
                       id.begin() + static_cast<std::ptrdiff_t>(at), lowerAscii);
    return bounded(std::move(id));
}

std::string stampSubject(const MailAddress& address) {
    return address.key();
}

std::string stampSubject(const std::vector<MailAddress>& recipients) {
    std::vector<std::string> keys;
    keys.reserve(recipients.size());
    for (const MailAddress& recipient : recipients)
        keys.push_back(recipient.key());
    return sortedLines(std::move(keys));
}

std::string makeStamp(const Keyring& keyring, std::string_view subject, unsigned hop, CivilDay day,
                      std::string_view messageId) {
    const Key& key = keyring.signer();
    const std::string fields = signedFields({key.id, day, subjectTag(key, subject), hop});
    return fields + ' ' + encodeBase32(macOf(key, fields, messageId));
}

std::optional<TraceStamp> verifyStamp(const Keyring& keyring, std::string_view headerValue,
                                      std::string_view messageId) {
    if (headerValue.size() > longestValue)
        return std::nullopt;
    const std::string lower = toLowerAscii(headerValue);
    const auto fields = fieldsOf(lower);
    if (!fields)
        return std::nullopt;
    const Key* const key = keyring.accepted((*fields)[1]);
    const auto mac = decodeBase32(fields->back());
    if (key == nullptr || !mac ||
        !equalInConstantTime(*mac, macOf(*key, allButMac(*fields), messageId)))
        return std::nullopt;
    return readStamp(*fields);
}

std::vector<TraceStamp> validStamps(const Keyring& keyring, const HeaderList& headers,
                                    std::string_view messageId) {
    std::vector<TraceStamp> valid;
    std::size_t examined = 0;
    for (std::size_t at = 0; at < headers.fieldsKept() && examined < maxStampsExamined; ++at) {
        const HeaderList::Field field = headers.field(at);
        if (!equalsIgnoringCase(field.name, traceHeader))
            continue;
        ++examined;
        auto stamp = verifyStamp(keyring, field.value, messageId);
        if (stamp && std::find(valid.begin(), valid.end(), *stamp) == valid.end())
            valid.push_back(std::move(*stamp));
    }
    return valid;
}

bool isFor(const Keyring& keyring, const TraceStamp& stamp, std::string_view subject) {
    const Key* const key = keyring.accepted(stamp.keyId);
    return key != nullptr && stamp.tag == subjectTag(*key, subject);
}

} // namespace sluice
