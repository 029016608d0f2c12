// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/reported_recipients.hh"

#include "common/text.hh"
#include "milter/policy/header_addresses.hh"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice {
namespace {

/// The address of `rfc822; user@example.org`; null when it is of another type.
MailAddress typedAddress(std::string_view value) {
    const std::size_t semicolon = value.find(';');
    if (semicolon != std::string_view::npos) {
        const std::string_view type = trim(value.substr(0, semicolon));
        if (!equalsIgnoringCase(type, "rfc822") && !equalsIgnoringCase(type, "utf-8"))
            return {};
        value.remove_prefix(semicolon + 1);
    }
    value = trim(value);
    value = value.substr(0, value.find_first_of(" \t("));
    return value.find('@') == std::string_view::npos ? MailAddress() : MailAddress::fromPath(value);
}

void addOnce(std::vector<MailAddress>& addresses, const MailAddress& address) {
    if (addresses.size() < ReportedRecipients::most &&
        std::find(addresses.begin(), addresses.end(), address) == addresses.end())
        addresses.push_back(address);
}

} // namespace

void ReportedRecipients::takeField(std::string_view name, std::string_view value) {
    if (equalsIgnoringCase(name, "Reporting-MTA")) {
        fieldsSeen_ = true;
    } else if (equalsIgnoringCase(name, "Final-Recipient")) {
        if (!group_.finalRecipient.isNull())
            endGroup();
        group_.finalRecipient = typedAddress(value);
        fieldsSeen_ = true;
    } else if (equalsIgnoringCase(name, "Original-Recipient")) {
        group_.originalRecipient = typedAddress(value);
    } else if (equalsIgnoringCase(name, "Action")) {
        takeAction(trim(value));
    }
}

void ReportedRecipients::takeAction(std::string_view action) {
    action = action.substr(0, action.find_first_of(" \t(;,"));
    constexpr std::array<std::string_view, 3> successes{"delivered", "relayed", "expanded"};
    group_.delayed = equalsIgnoringCase(action, "delayed");
    group_.delivered =
        std::any_of(successes.begin(), successes.end(),
                    [action](std::string_view word) { return equalsIgnoringCase(word, action); });
}

/// An MTA that has expanded the list names the list as the original recipient, so the final one is
/// who failed.
void ReportedRecipients::endGroup() {
    const Group group = std::exchange(group_, {});
    delaySeen_ = delaySeen_ || group.delayed;
    const MailAddress& recipient =
        group.finalRecipient.isNull() ? group.originalRecipient : group.finalRecipient;
    if (!group.delayed && !group.delivered && !recipient.isNull())
        addOnce(failed_, recipient);
}

void ReportedRecipients::takeList(std::string_view value) {
    constexpr std::size_t longestList = 16UL * 1024;
    if (failed_.size() >= most)
        return;
    for (const MailAddress& address : headerAddresses(value.substr(0, longestList)))
        if (!address.isNull())
            addOnce(failed_, address);
}

void ReportedRecipients::takeTextLine(std::string_view line) {
    const std::size_t end = line.find_first_of(" \t");
    std::string_view word = line.substr(0, end);
    while (word.ends_with(':') || word.ends_with('.') || word.ends_with(','))
        word.remove_suffix(1);
    if (word.size() > 2 && word.starts_with('<') && word.ends_with('>'))
        word = word.substr(1, word.size() - 2);
    else if (end != std::string_view::npos)
        return;
    if (isPlainMailbox(word))
        addOnce(inText_, MailAddress::fromPath(word));
}

const std::vector<MailAddress>& ReportedRecipients::failed() const {
    return failed_.empty() && !delaySeen_ ? inText_ : failed_;
}

} // namespace sluice
