// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/ldap_filter.hh"

#include "common/text.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace sluice {
namespace {

constexpr int deepest = 32;

bool isAlphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool isHexDigit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool standsForItself(char c) {
    return isAlphanumeric(c) || std::string_view("@.-_+").find(c) != std::string_view::npos;
}

/// The grammar of RFC 4515 section 3, as far as a server cares.
class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}

    bool wholeFilter() { return filter(0) && rest_.empty(); }

private:
    bool take(char c) {
        if (!rest_.starts_with(c))
            return false;
        rest_.remove_prefix(1);
        return true;
    }

    bool filter(int depth) { return depth < deepest && take('(') && inside(depth) && take(')'); }

    bool inside(int depth) {
        if (take('&') || take('|')) {
            bool good = filter(depth + 1);
            while (good && rest_.starts_with('('))
                good = filter(depth + 1);
            return good;
        }
        return take('!') ? filter(depth + 1) : item();
    }

    /// ATTRIBUTE=VALUE, or with ~=, >=, <= or the :dn:RULE:= of an extensible match.
    bool item() {
        const std::string_view before = rest_;
        while (!rest_.empty() && (isAlphanumeric(rest_.front()) ||
                                  std::string_view(".;-:").find(rest_.front()) != rest_.npos))
            rest_.remove_prefix(1);
        const bool named = rest_.size() < before.size();
        if (named && (rest_.starts_with('~') || rest_.starts_with('<') || rest_.starts_with('>')))
            rest_.remove_prefix(1);
        return named && take('=') && value();
    }

    bool value() {
        while (!rest_.empty() && rest_.front() != ')') {
            if (rest_.front() == '(' || rest_.front() == '\0')
                return false;
            if (take('\\')) {
                if (rest_.size() < 2 || !isHexDigit(rest_[0]) || !isHexDigit(rest_[1]))
                    return false;
                rest_.remove_prefix(1);
            }
            rest_.remove_prefix(1);
        }
        return true;
    }

    std::string_view rest_;
};

/// Whether some place names the user.
Result<bool> checkPlaces(std::string_view text) {
    bool namesUser = false;
    for (std::size_t at = text.find('%'); at != std::string_view::npos;
         at = text.find('%', at + 2)) {
        const char place = at + 1 < text.size() ? text[at + 1] : '\0';
        if (std::string_view("aud%").find(place) == std::string_view::npos)
            return fail(
                fmt::format("{} is none of: %a, %u, %d, %%", quoteForDisplay(text.substr(at, 2))));
        namesUser = namesUser || place == 'a' || place == 'u';
    }
    return namesUser;
}

} // namespace

Result<LdapFilter> LdapFilter::parse(std::string_view text) {
    const auto namesUser = checkPlaces(text);
    if (!namesUser)
        return tl::unexpected(namesUser.error());
    if (!Reader(text).wholeFilter())
        return fail(quoteForDisplay(text) + " is no filter (RFC 4515)");
    if (!*namesUser)
        return fail(quoteForDisplay(text) +
                    " has neither %a nor %u: it would know every recipient");
    LdapFilter filter;
    filter.text_ = text;
    return filter;
}

std::string LdapFilter::of(const MailAddress& address) const {
    std::string filter;
    for (std::size_t at = 0; at < text_.size(); ++at) {
        if (text_[at] != '%') {
            filter += text_[at];
            continue;
        }
        switch (text_[++at]) {
        case 'a':
            filter += escapedForFilter(address.text());
            break;
        case 'u':
            filter += escapedForFilter(address.local());
            break;
        case 'd':
            filter += escapedForFilter(address.domain());
            break;
        default:
            filter += '%';
        }
    }
    return filter;
}

std::string escapedForFilter(std::string_view value) {
    std::string escaped;
    escaped.reserve(value.size());
    for (const char c : value) {
        if (standsForItself(c))
            escaped += c;
        else
            fmt::format_to(std::back_inserter(escaped), "\\{:02x}", static_cast<unsigned char>(c));
    }
    return escaped;
}

} // namespace sluice
