// SPDX-License-Identifier: BSD-2-Clause
// The fields that name addresses, and a sender, to what gives them another domain: only domains
// change, and nothing new comes into a header.

#include "common/domain_name.hh"
#include "milter/policy/address_domains.hh"
#include "milter/policy/domain_rewrite.hh"
#include "test/fuzz/fuzz_support.hh"

#include <algorithm>
#include <string>

using namespace sluice;

namespace {

/// One letter, which the fuzzer finds soon.
const DomainRewriteRules& rules() {
    static const DomainRewriteRules made = [] {
        DomainRewriteRules all;
        DomainRewriteRule rule;
        rule.oldDomain = "a";
        rule.below = true;
        rule.newDomain = "new.example";
        fuzz::require(all.add(rule));
        return all;
    }();
    return made;
}

/// No line begins that was none before.
void requireFolded(std::string_view value) {
    fuzz::require(value.find('\0') == value.npos);
    for (std::size_t at = value.find_first_of("\r\n"); at != value.npos;
         at = value.find_first_of("\r\n", at + 2))
        fuzz::require(value.substr(at, 2) == "\r\n" && at + 2 < value.size() &&
                      (value[at + 2] == ' ' || value[at + 2] == '\t'));
}

/// The domains of both are the same in their order, but for those that are rewritten.
void requireRewritten(std::string_view before, std::string_view after) {
    const auto old = addressDomains(before);
    const auto found = addressDomains(after);
    fuzz::require(old && found && old->size() == found->size());
    std::size_t last = 0;
    for (std::size_t i = 0; i < old->size(); ++i) {
        const AddressDomain& each = old->at(i);
        fuzz::require(last <= each.begin && each.begin < each.end && each.end <= before.size());
        last = each.end;
        const std::string name = canonicalDomain(each.name);
        const DomainRewriteRule* const rule = rules().find(name);
        const std::string renamed = rule == nullptr ? std::string() : rule->renamed(name);
        fuzz::require(canonicalDomain(found->at(i).name) == (renamed.empty() ? name : renamed));
    }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
    const std::string_view text = fuzz::textOf(octets, size);
    HeaderList headers;
    headers.add("From", text);
    Client client;
    client.standing.trusted = true;
    Envelope envelope;
    envelope.senderText = text;
    envelope.sender = MailAddress::fromPath(text);
    envelope.recipients.emplace_back().outside = true;
    Decision decision;
    DomainRewrite(rules()).onEndOfMessage(client, envelope, headers, decision);
    for (const HeaderChange& change : decision.edits.changeHeaders) {
        requireFolded(change.value);
        requireRewritten(headers.field(0).value, change.value);
    }
    if (decision.edits.sender)
        requireFolded(decision.edits.sender->address);
    return 0;
}
