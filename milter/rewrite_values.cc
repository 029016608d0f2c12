// SPDX-License-Identifier: BSD-2-Clause
#include "milter/rewrite_values.hh"

#include "common/domain_name.hh"
#include "common/ip_network.hh"
#include "common/text.hh"
#include "common/words.hh"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice {
namespace {

Result<void> setDomains(std::string_view word, DomainRewriteRule& rule) {
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos)
        return fail(quoteForDisplay(word) + " is not OLD=NEW");
    std::string_view old = word.substr(0, equals);
    rule.below = old.starts_with('.');
    old.remove_prefix(rule.below ? 1 : 0);
    auto oldDomain = parseDomain(old);
    if (!oldDomain)
        return tl::unexpected(oldDomain.error());
    auto newDomain = parseDomain(word.substr(equals + 1));
    if (!newDomain)
        return tl::unexpected(newDomain.error());
    if (*oldDomain == *newDomain)
        return fail(quoteForDisplay(word) + " changes nothing");
    rule.oldDomain = *std::move(oldDomain);
    rule.newDomain = *std::move(newDomain);
    return {};
}

Result<void> setOrigins(std::string_view list, DomainRewriteRule& rule) {
    rule.ofTrusted = rule.ofAuthenticated = false;
    NetworkSet::Builder networks;
    for (const std::string_view part : split(list, ',')) {
        const std::string_view word = trim(part);
        if (word == "trusted") {
            rule.ofTrusted = true;
        } else if (word == "authenticated") {
            rule.ofAuthenticated = true;
        } else {
            const auto network = IpNetwork::parse(word);
            if (!network)
                return fail("from=" + quoteForDisplay(word) +
                            " is none of: NET, trusted, authenticated (" + network.error().message +
                            ')');
            networks.add(*network);
        }
    }
    rule.networks = networks.build();
    return {};
}

Result<void> setAttribute(std::string_view word, DomainRewriteRule& rule) {
    const std::size_t equals = word.find('=');
    const std::string_view key = word.substr(0, equals);
    if (equals == std::string_view::npos || (key != "from" && key != "signed"))
        return fail(quoteForDisplay(word) + " is neither from= nor signed=");
    const std::string value = unquoteWhole(word.substr(equals + 1));
    if (key == "from")
        return setOrigins(value, rule);
    const auto evenSigned = parseYesNo(value);
    if (!evenSigned)
        return fail("signed=" + evenSigned.error().message);
    rule.evenSigned = *evenSigned;
    return {};
}

} // namespace

Result<DomainRewriteRule> parseDomainRewrite(std::string_view text) {
    const auto words = splitRawWords(text);
    if (!words)
        return tl::unexpected(words.error());
    if (words->empty())
        return fail("expected OLD=NEW [from=…] [signed=…]");
    DomainRewriteRule rule;
    if (auto set = setDomains(unquoteWhole(words->front()), rule); !set)
        return tl::unexpected(set.error());
    for (std::size_t i = 1; i < words->size(); ++i)
        if (auto set = setAttribute((*words)[i], rule); !set)
            return tl::unexpected(set.error());
    return rule;
}

void readDomainRewrites(SettingsReader& reader, bool knowsLocalDomains, DomainRewriteRules& rules) {
    struct Written {
        std::string rule;
        std::string newDomain;
        Origin origin;
    };
    std::vector<Written> all;
    reader.eachWithOrigin("rewrite-domain",
                          [&](std::string_view text, const Origin& origin) -> Result<void> {
                              auto rule = parseDomainRewrite(text);
                              if (!rule)
                                  return tl::unexpected(rule.error());
                              all.push_back({rule->text(), rule->newDomain, origin});
                              const std::string old = rule->key();
                              if (!rules.add(*std::move(rule)))
                                  return fail(quoteForDisplay(old) + " is rewritten twice");
                              return {};
                          });
    for (const Written& each : all)
        if (const DomainRewriteRule* const next = rules.find(each.newDomain))
            reader.problem("rewrite-domain", each.origin,
                           fmt::format("what {} makes is rewritten by {}: an address is rewritten "
                                       "once only, so name its last domain",
                                       quoteForDisplay(each.rule), quoteForDisplay(next->text())));
    if (!all.empty() && !knowsLocalDomains)
        reader.problem("rewrite-domain",
                       "needs local-domain, to know which recipients are outside");
}

} // namespace sluice
