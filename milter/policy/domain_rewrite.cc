// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/domain_rewrite.hh"

#include "common/domain_name.hh"
#include "common/text.hh"
#include "milter/policy/address_domains.hh"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace sluice {
namespace {

constexpr std::array<std::string_view, 3> addressFields{"From", "Sender", "Reply-To"};
/// They cover From:, or another signature that does (RFC 6376, RFC 4870, RFC 8617).
constexpr std::array<std::string_view, 4> signatures{"DKIM-Signature", "DomainKey-Signature",
                                                     "ARC-Seal", "ARC-Message-Signature"};
constexpr std::string_view option = "rewrite-domain";

template<std::size_t N>
std::size_t indexOf(const std::array<std::string_view, N>& names, std::string_view name) {
    const auto found = std::find_if(names.begin(), names.end(), [&](std::string_view each) {
        return equalsIgnoringCase(each, name);
    });
    return static_cast<std::size_t>(found - names.begin());
}

std::string_view signatureOf(const HeaderList& headers) {
    const auto found = std::find_if(signatures.begin(), signatures.end(),
                                    [&](std::string_view name) { return headers.has(name); });
    return found == signatures.end() ? std::string_view() : *found;
}

bool goesOutside(const Envelope& envelope) {
    return std::any_of(envelope.recipients.begin(), envelope.recipients.end(),
                       [](const Recipient& recipient) { return recipient.outside; });
}

std::string_view withoutBrackets(std::string_view path) {
    path = trim(path);
    const bool whole = path.starts_with('<') && path.ends_with('>');
    return whole ? path.substr(1, path.size() - 2) : path;
}

/// A text with other domains in its addresses.
struct Rewritten {
    std::string text;
    const DomainRewriteRule* rule = nullptr; ///< the first that has changed something; null: none
};

/// The rewriting of one message.
class Pass {
public:
    Pass(const DomainRewriteRules& rules, const Client& client, const Envelope& envelope,
         const HeaderList& headers, Decision& decision)
        : rules_(rules),
          client_(client),
          envelope_(envelope),
          headers_(headers),
          decision_(decision),
          signature_(signatureOf(headers)) {}

    void rewriteSender();
    void rewriteFields();

private:
    [[nodiscard]] const DomainRewriteRule* ruleFor(const std::string& domain);
    [[nodiscard]] std::optional<Rewritten> rewritten(std::string_view text);
    void rewriteField(const HeaderList::Field& field, std::uint32_t index);
    void leaveOut(const DomainRewriteRule& rule);
    void note(Note::Kind kind, std::string rule, std::string becomes = {});

    const DomainRewriteRules& rules_;
    const Client& client_;
    const Envelope& envelope_;
    const HeaderList& headers_;
    Decision& decision_;
    std::string_view signature_; ///< the name of a field that signs others; empty: there is none
    bool leftOut_ = false;
};

void Pass::note(Note::Kind kind, std::string rule, std::string becomes) {
    decision_.notes.push_back(
        {kind, std::string(option) + ' ' + std::move(rule), {}, {}, {}, std::move(becomes)});
}

void Pass::leaveOut(const DomainRewriteRule& rule) {
    if (!std::exchange(leftOut_, true))
        note(Note::Kind::observe,
             rule.text() + " not in a message with " + std::string(signature_));
}

const DomainRewriteRule* Pass::ruleFor(const std::string& domain) {
    const DomainRewriteRule* const rule = rules_.find(domain);
    if (rule == nullptr || !rule->isFor(client_, envelope_))
        return nullptr;
    if (signature_.empty() || rule->evenSigned)
        return rule;
    leaveOut(*rule);
    return nullptr;
}

std::optional<Rewritten> Pass::rewritten(std::string_view text) {
    const auto domains = addressDomains(text);
    if (!domains)
        return std::nullopt;
    Rewritten result;
    std::size_t kept = 0;
    for (const AddressDomain& each : *domains) {
        const std::string domain = canonicalDomain(each.name);
        const DomainRewriteRule* const rule = ruleFor(domain);
        const std::string renamed = rule == nullptr ? std::string() : rule->renamed(domain);
        if (renamed.empty())
            continue;
        result.text.append(text.substr(kept, each.begin - kept))
            .append(renamed)
            .append(each.comments);
        kept = each.end;
        if (result.rule == nullptr)
            result.rule = rule;
    }
    result.text.append(text.substr(kept));
    return result;
}

void Pass::rewriteSender() {
    // what a list or the loop engine has made of it stays
    if (decision_.edits.sender || envelope_.sender.isNull())
        return;
    const auto sender = rewritten(envelope_.senderText);
    if (!sender)
        return note(Note::Kind::observe, "cannot read the sender");
    if (sender->rule == nullptr)
        return;
    const std::string address(withoutBrackets(sender->text));
    note(Note::Kind::returnPath, sender->rule->text(), '<' + address + '>');
    decision_.edits.sender = EnvelopeAddress{address};
}

void Pass::rewriteField(const HeaderList::Field& field, std::uint32_t index) {
    const std::string name(field.name);
    auto value = rewritten(field.value);
    if (!value)
        return note(Note::Kind::observe, "cannot read " + name + ':');
    if (value->rule == nullptr)
        return;
    if (value->text.size() > DomainRewrite::longestValue)
        return note(Note::Kind::observe, "makes " + name + ": too long");
    note(Note::Kind::rewrite, value->rule->text() + " in " + name + ':',
         std::string(trim(value->text)));
    decision_.edits.changeHeaders.push_back({name, index, std::move(value->text)});
}

void Pass::rewriteFields() {
    std::array<std::uint32_t, addressFields.size()> seen{};
    std::size_t left = DomainRewrite::maxFields;
    for (std::size_t i = 0; i < headers_.fieldsKept(); ++i) {
        const HeaderList::Field field = headers_.field(i);
        const std::size_t which = indexOf(addressFields, field.name);
        if (which == addressFields.size())
            continue;
        if (left-- == 0)
            return note(Note::Kind::observe, "not in so many fields");
        rewriteField(field, ++seen.at(which));
    }
}

} // namespace

void DomainRewrite::onEndOfMessage(const Client& client, const Envelope& envelope,
                                   const HeaderList& headers, Decision& decision) const {
    if (rules_.empty() || !goesOutside(envelope) || !rules_.anyFor(client, envelope))
        return;
    // Of a header that is not kept whole nobody knows what signs it, or where its fields stand.
    if (headers.truncated()) {
        decision.notes.push_back(
            {Note::Kind::observe, std::string(option) + " not in a header that is too long"});
        return;
    }
    Pass pass(rules_, client, envelope, headers, decision);
    pass.rewriteSender();
    pass.rewriteFields();
}

} // namespace sluice
