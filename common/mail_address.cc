// SPDX-License-Identifier: BSD-2-Clause
#include "common/mail_address.hh"

#include "common/domain_name.hh"
#include "common/ip_network.hh"
#include "common/text.hh"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace sluice {

namespace {

constexpr std::size_t npos = std::string_view::npos;

bool isControl(char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet < 0x20 || octet == 0x7F;
}

/// atext of RFC 5321 and RFC 6531 section 3.3, and the dot.
bool isDotStringCharacter(char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet > 0x20 && octet != 0x7F && std::string_view("()<>[]:;@\\,\"").find(c) == npos;
}

/// By octet: atext of RFC 5321 and the dot.
constexpr std::array<bool, 256> plainOctets = [] {
    std::array<bool, 256> plain{};
    for (const char c : std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789!#$%&'*+-/=?^_`{|}~."))
        plain.at(static_cast<unsigned char>(c)) = true;
    return plain;
}();

bool isPlain(std::string_view part) {
    return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
        return plainOctets[static_cast<unsigned char>(c)]; // NOLINT(*-constant-array-index)
    });
}

struct Quoting {
    std::size_t lastAt = npos; // the last `@` that is not quoted
    bool closed = true;
};

Quoting scanQuoting(std::string_view text) {
    Quoting found;
    bool quoted = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '\\' && at + 1 < text.size())
            ++at;
        else if (c == '"')
            quoted = !quoted;
        else if (c == '@' && !quoted)
            found.lastAt = at;
    }
    found.closed = !quoted;
    return found;
}

struct Split {
    std::string_view local;
    std::string_view domain;
    bool quoted; // the quotes of the local part mean something
};

/// An `@` in the domain that only its quoting hides is as broken as a quote that is not closed.
Split splitMailbox(std::string_view mailbox) {
    const Quoting quoting = scanQuoting(mailbox);
    const std::size_t last = mailbox.rfind('@');
    if (quoting.closed && quoting.lastAt == npos)
        return {mailbox, {}, true};
    if (last == npos)
        return {mailbox, {}, false};
    return {trim(mailbox.substr(0, last)), trim(mailbox.substr(last + 1)), quoting.lastAt == last};
}

/// RFC 821 knew the backslash outside quotes too, and MTAs still take it so.
std::string unquoted(std::string_view written) {
    std::string text;
    text.reserve(written.size());
    for (std::size_t at = 0; at < written.size(); ++at) {
        if (written[at] == '"')
            continue;
        if (written[at] == '\\' && at + 1 < written.size())
            ++at;
        text += written[at];
    }
    return text;
}

std::string_view withoutBrackets(std::string_view path) {
    path = trim(path);
    if (path.starts_with('<'))
        path.remove_prefix(1);
    if (path.ends_with('>'))
        path.remove_suffix(1);
    return trim(path);
}

/// Where the `:` of a source route `@a,@b:` stands, or npos. A domain in it may be `[IPv6:…]`.
std::size_t endOfRoute(std::string_view path) {
    if (!path.starts_with('@'))
        return npos;
    bool literal = false;
    for (std::size_t at = 1; at < path.size(); ++at) {
        if (path[at] == '"')
            return npos;
        if (path[at] == '[' || path[at] == ']')
            literal = path[at] == '[';
        else if (path[at] == ':' && !literal)
            return at;
    }
    return npos;
}

std::string_view withoutRoute(std::string_view path) {
    for (;;) {
        const std::size_t colon = endOfRoute(path);
        if (colon == npos || trim(path.substr(colon + 1)).empty())
            return path;
        path = trim(path.substr(colon + 1));
    }
}

/// Quotes are closed, nothing that needs them stands outside, and no control character anywhere.
bool isWellFormedLocal(std::string_view written) {
    bool quoted = false;
    for (std::size_t at = 0; at < written.size(); ++at) {
        const char c = written[at];
        if (c == '"')
            quoted = !quoted;
        else if (quoted && c == '\\')
            ++at;
        else if (!quoted && !isDotStringCharacter(c))
            return false;
    }
    return !quoted && std::none_of(written.begin(), written.end(), isControl);
}

Result<std::string> parseAddressLiteral(std::string_view text) {
    constexpr std::string_view v6Tag = "[ipv6:";
    std::string literal = toLowerAscii(text);
    std::string_view address = literal;
    const bool v6 = address.starts_with(v6Tag);
    address.remove_prefix(v6 ? v6Tag.size() : 1);
    if (!address.ends_with(']'))
        return fail(quoteForDisplay(text) + " is no address literal");
    address.remove_suffix(1);
    if (!IpAddress::parse(address) || v6 != (address.find(':') != npos))
        return fail(quoteForDisplay(text) + " is no address literal");
    return literal;
}

/// What RFC 5321 forbids in a command must not come out of an address either.
std::string withoutControls(std::string_view text) {
    std::string clean(text);
    std::replace_if(clean.begin(), clean.end(), isControl, '?');
    return clean;
}

std::string quotedWhereNeeded(const std::string& local) {
    if (!local.empty() && std::all_of(local.begin(), local.end(), isDotStringCharacter))
        return local;
    std::string quoted = "\"";
    for (const char c : withoutControls(local)) {
        if (c == '"' || c == '\\')
            quoted += '\\';
        quoted += c;
    }
    return quoted + '"';
}

} // namespace

bool isPlainMailbox(std::string_view text) {
    const std::size_t at = text.find('@');
    return at != npos && isPlain(text.substr(0, at)) && isPlain(text.substr(at + 1)) &&
           text.back() != '.';
}

Result<std::string> parseLocalPart(std::string_view text) {
    if (!isWellFormedLocal(text))
        return fail(quoteForDisplay(text) +
                    " is no local part (blanks and special characters need quotes)");
    std::string local = toLowerAscii(unquoted(text));
    if (local.empty())
        return fail("a local part is empty");
    return local;
}

Result<std::string> parseMailDomain(std::string_view text) {
    return text.starts_with('[') ? parseAddressLiteral(text) : parseDomain(text);
}

MailAddress::MailAddress(std::string canonicalLocal, std::string canonicalDomain)
    : local_(std::move(canonicalLocal)), domain_(std::move(canonicalDomain)) {}

MailAddress MailAddress::fromPath(std::string_view path) {
    std::string_view inside = path;
    if (path.starts_with('<') && path.ends_with('>'))
        inside = path.substr(1, path.size() - 2);
    if (isPlainMailbox(inside)) {
        const std::size_t at = inside.find('@');
        return {toLowerAscii(inside.substr(0, at)), toLowerAscii(inside.substr(at + 1))};
    }
    const std::string_view mailbox = withoutRoute(withoutBrackets(path));
    const Split parts = splitMailbox(mailbox);
    return {toLowerAscii(parts.quoted ? unquoted(parts.local) : std::string(parts.local)),
            canonicalDomain(parts.domain)};
}

Result<MailAddress> MailAddress::parse(std::string_view text) {
    const Quoting quoting = scanQuoting(text);
    if (!quoting.closed)
        return fail("a quote is not closed in " + quoteForDisplay(text));
    if (quoting.lastAt == npos)
        return fail(quoteForDisplay(text) + " is no address: it has no domain");
    auto local = parseLocalPart(text.substr(0, quoting.lastAt));
    if (!local)
        return fail(quoteForDisplay(text) + " is no address: " + local.error().message);
    auto domain = parseMailDomain(text.substr(quoting.lastAt + 1));
    if (!domain)
        return fail(quoteForDisplay(text) + " is no address: " + domain.error().message);
    return MailAddress(*std::move(local), *std::move(domain));
}

std::string MailAddress::key() const {
    std::string text;
    if (isNull())
        return text;
    text.reserve(local_.size() + 1 + domain_.size());
    text.append(local_).append(1, '@').append(domain_);
    return text; // not what append() returns, which would be copied
}

bool MailAddress::hasExtension() const {
    const std::size_t plus = local_.find('+');
    return plus != npos && plus != 0;
}

std::string MailAddress::keyWithoutExtension() const {
    if (!hasExtension())
        return key();
    const std::size_t plus = local_.find('+');
    std::string text;
    text.reserve(plus + 1 + domain_.size());
    text.append(local_, 0, plus).append(1, '@').append(domain_);
    return text;
}

std::string MailAddress::text() const {
    if (isNull())
        return {};
    const std::string local = quotedWhereNeeded(local_);
    return domain_.empty() ? local : local + '@' + withoutControls(domain_);
}

MailAddress MailAddress::withoutExtension() const {
    return hasExtension() ? MailAddress(local_.substr(0, local_.find('+')), domain_) : *this;
}

} // namespace sluice
