// SPDX-License-Identifier: BSD-2-Clause
#include "common/domain_name.hh"
#include "common/text.hh"
#include "common/words.hh"
#include "milter/policy/dnsbl_rules.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sluice {

namespace {

constexpr std::string_view defaultReply = "%0 has been blocked by %1";
constexpr std::size_t longestName = 64;
constexpr std::size_t longestProvider = 64;
/// RFC 1035 section 2.3.4, as text without the final dot.
constexpr std::size_t longestDomain = 253;
constexpr std::size_t longestIpv4Prefix = std::string_view("255.255.255.255.").size();
constexpr std::size_t longestIpv6Prefix = 64;
constexpr std::size_t longestAddress = 39;

bool isNameCharacter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}

bool isPrintable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

Result<void> checkName(std::string_view name) {
    if (name.empty() || name.size() > longestName ||
        !std::all_of(name.begin(), name.end(), isNameCharacter))
        return fail(fmt::format("{} is no name of a rule (1 to {} of A-Z a-z 0-9 _ . -)",
                                quoteForDisplay(name), longestName));
    return {};
}

template<typename Value, std::size_t count>
Result<void> choose(Value& chosen, std::string_view text,
                    const std::array<std::pair<std::string_view, Value>, count>& choices) {
    std::string names;
    for (const auto& [name, value] : choices) {
        if (name == text) {
            chosen = value;
            return {};
        }
        names += names.empty() ? "" : ", ";
        names += name;
    }
    return fail(fmt::format("{} is none of {}", quoteForDisplay(text), names));
}

template<typename Value>
Result<void> keep(Value& kept, Result<Value> parsed) {
    if (!parsed)
        return tl::unexpected(parsed.error());
    kept = std::move(*parsed);
    return {};
}

/// Only what expandReply() understands, and nothing that a reply line cannot hold.
Result<void> checkTemplate(std::string_view text) {
    if (text.empty())
        return fail("the text is empty");
    if (!isPrintable(text))
        return fail(quoteForDisplay(text) + " has characters outside printable ASCII");
    for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 2))
        if (at + 1 == text.size() ||
            std::string_view("012%").find(text[at + 1]) == std::string_view::npos)
            return fail(fmt::format("{} is not one of %0, %1, %2 and %%",
                                    quoteForDisplay(text.substr(at, 2))));
    return {};
}

Result<void> setMatch(DnsblRule& rule, std::string_view value) {
    return keep(rule.match, DnsblMatch::parse(value));
}

Result<void> setReply(DnsblRule& rule, std::string_view value) {
    rule.replyTemplate = value;
    return checkTemplate(value);
}

Result<void> setOnUnknown(DnsblRule& rule, std::string_view value) {
    return choose(rule.tempfailOnUnknown, value,
                  std::array{std::pair(std::string_view("pass"), false),
                             std::pair(std::string_view("tempfail"), true)});
}

Result<void> setErrors(DnsblRule& rule, std::string_view value) {
    return keep(rule.errors, parseCodeRanges(value));
}

Result<void> setAction(DnsblRule& rule, std::string_view value) {
    using Action = DnsblRule::Action;
    return choose(rule.action, value,
                  std::array{std::pair(std::string_view("reject"), Action::reject),
                             std::pair(std::string_view("tempfail"), Action::tempfail),
                             std::pair(std::string_view("mark"), Action::mark),
                             std::pair(std::string_view("observe"), Action::observe)});
}

Result<void> setKind(DnsblRule& rule, std::string_view value) {
    using Kind = DnsblRule::Kind;
    return choose(rule.kind, value,
                  std::array{std::pair(std::string_view("deny"), Kind::deny),
                             std::pair(std::string_view("allow"), Kind::allow)});
}

Result<void> setIpv6(DnsblRule& rule, std::string_view value) {
    return choose(rule.ipv6, value,
                  std::array{std::pair(std::string_view("yes"), true),
                             std::pair(std::string_view("no"), false)});
}

Result<void> setProvider(DnsblRule& rule, std::string_view value) {
    if (value.empty() || value.size() > longestProvider || !isPrintable(value))
        return fail(fmt::format("{} is no name of a provider (1 to {} of printable ASCII)",
                                quoteForDisplay(value), longestProvider));
    rule.provider = value;
    return {};
}

struct Attribute {
    std::string_view name;
    Result<void> (*set)(DnsblRule&, std::string_view);
};

constexpr std::array<Attribute, 8> attributes{{{"match", setMatch},
                                               {"reply", setReply},
                                               {"on-unknown", setOnUnknown},
                                               {"errors", setErrors},
                                               {"action", setAction},
                                               {"kind", setKind},
                                               {"ipv6", setIpv6},
                                               {"provider", setProvider}}};

/// Reads `key=value` words into a rule and remembers which were there.
class AttributeReader {
public:
    explicit AttributeReader(DnsblRule& rule) : rule_(rule) {}

    Result<void> read(std::string_view word) {
        const auto equals = word.find('=');
        const std::string_view key = word.substr(0, equals);
        const auto known = std::find_if(attributes.begin(), attributes.end(),
                                        [key](const Attribute& a) { return a.name == key; });
        if (equals == std::string_view::npos || known == attributes.end())
            return fail(quoteForDisplay(word) + " is no attribute of a dnsbl rule");
        if (given(key))
            return fail(fmt::format("{}= is given twice", key));
        seen_[static_cast<std::size_t>(known - attributes.begin())] = true;
        return known->set(rule_, word.substr(equals + 1)).map_error([key](const Error& error) {
            return Error{fmt::format("{}=: {}", key, error.message)};
        });
    }

    [[nodiscard]] bool given(std::string_view key) const {
        for (std::size_t i = 0; i < attributes.size(); ++i)
            if (attributes[i].name == key)
                return seen_[i];
        return false;
    }

private:
    DnsblRule& rule_;
    std::array<bool, attributes.size()> seen_{};
};

Result<void> readAttributes(DnsblRule& rule, const std::vector<std::string>& words) {
    AttributeReader reader(rule);
    for (std::size_t i = 2; i < words.size(); ++i)
        if (auto read = reader.read(words[i]); !read)
            return read;
    if (rule.kind == DnsblRule::Kind::allow)
        for (const std::string_view meaningless : {"action", "reply"})
            if (reader.given(meaningless))
                return fail(fmt::format("{}= means nothing with kind=allow", meaningless));
    if (!reader.given("reply"))
        rule.replyTemplate = defaultReply;
    return {};
}

/// A zone whose rule names a provider is secret: its text is in no message.
Result<std::string> parseZone(std::string_view text, const DnsblRule& rule) {
    auto zone = parseDomain(text);
    if (!zone)
        return rule.provider.empty() ? zone : fail("the zone is no domain");
    const std::size_t prefix = rule.ipv6 ? longestIpv6Prefix : longestIpv4Prefix;
    if (zone->size() + prefix > longestDomain)
        return fail(fmt::format("the zone is too long: with the {} octets of an {} address before "
                                "it a name has more than {} octets",
                                prefix, rule.ipv6 ? "IPv6" : "IPv4", longestDomain));
    return zone;
}

/// The longest reply, counted as smfi_setreply() takes it: each `%` twice.
Result<void> checkReplyLength(const DnsblRule& rule, std::string_view zone) {
    const std::string_view provider =
        rule.provider.empty() ? zone : std::string_view(rule.provider);
    const auto percents =
        static_cast<std::size_t>(std::count(provider.begin(), provider.end(), '%'));
    const std::string_view form = rule.replyTemplate;
    std::size_t length = 0;
    for (std::size_t at = 0; at < form.size(); ++at) {
        if (form[at] != '%') {
            ++length;
            continue;
        }
        const char what = form[++at];
        length += what == '0'   ? longestAddress
                  : what == '1' ? rule.name.size()
                  : what == '2' ? provider.size() + percents
                                : 2;
    }
    if (length > SmtpReply::maxText)
        return fail(fmt::format("reply=: the text can grow to {} octets, more than {}", length,
                                SmtpReply::maxText));
    return {};
}

Result<ParsedDnsblRule> parseWords(const std::vector<std::string>& words) {
    ParsedDnsblRule parsed;
    parsed.rule.name = words[0];
    if (auto read = readAttributes(parsed.rule, words); !read)
        return tl::unexpected(read.error());
    if (auto zone = keep(parsed.zone, parseZone(words[1], parsed.rule)); !zone)
        return tl::unexpected(zone.error());
    if (auto fits = checkReplyLength(parsed.rule, parsed.zone); !fits)
        return tl::unexpected(fits.error());
    return parsed;
}

} // namespace

Result<ParsedDnsblRule> parseDnsblRule(std::string_view text) {
    const auto words = splitWords(text);
    if (!words)
        return tl::unexpected(words.error());
    if (words->empty())
        return fail("a dnsbl rule is empty");
    if (auto name = checkName(words->front()); !name)
        return tl::unexpected(name.error());
    if (words->size() < 2)
        return fail(fmt::format("the dnsbl rule {} has no zone", words->front()));
    return parseWords(*words).map_error([&words](const Error& error) {
        return Error{fmt::format("dnsbl rule {}: {}", words->front(), error.message)};
    });
}

} // namespace sluice
