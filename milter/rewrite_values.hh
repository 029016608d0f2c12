// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/config_values.hh"
#include "milter/policy/domain_rewrite_rules.hh"

#include <string_view>

/// The option of merged domains, from text to type.
namespace sluice {

/// `OLD=NEW [from=NET|trusted|authenticated,…] [signed=no|yes]`, where OLD may begin with a dot.
/// Error: another form, or two equal domains.
Result<DomainRewriteRule> parseDomainRewrite(std::string_view text);

/// Reads all rules. Refuses, at its place, a second rule for a domain, and a rule whose result
/// would have to be rewritten again.
void readDomainRewrites(SettingsReader& reader, bool knowsLocalDomains, DomainRewriteRules& rules);

} // namespace sluice
