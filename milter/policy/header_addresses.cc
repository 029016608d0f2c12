// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/header_addresses.hh"

#include "common/text.hh"

#include <gmime/gmime.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>

namespace sluice {
namespace {

constexpr std::size_t maxValue = 64 * 1024;
/// Groups cannot nest (RFC 5322); what claims so is hostile.
constexpr int maxGroupDepth = 3;

struct Unref {
    void operator()(InternetAddressList* list) const { g_object_unref(list); }
};
using AddressList = std::unique_ptr<InternetAddressList, Unref>;

void initialiseOnce() {
    static const bool done = [] {
        g_mime_init();
        return true;
    }();
    static_cast<void>(done);
}

void collect(InternetAddressList* list, int depth, std::vector<MailAddress>& found) {
    const int count = internet_address_list_length(list);
    for (int i = 0; i < count; ++i) {
        InternetAddress* const address = internet_address_list_get_address(list, i);
        if (INTERNET_ADDRESS_IS_MAILBOX(address)) {
            const char* const text =
                internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(address));
            if (text != nullptr && *text != '\0')
                found.push_back(MailAddress::fromPath(text));
        } else if (INTERNET_ADDRESS_IS_GROUP(address) && depth < maxGroupDepth) {
            if (auto* const members =
                    internet_address_group_get_members(INTERNET_ADDRESS_GROUP(address)))
                collect(members, depth + 1, found);
        }
    }
}

/// Header text without folds and without octets that end a C string.
std::string unfolded(std::string_view value) {
    std::string text(value.substr(0, maxValue));
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
    return text;
}

/// The last `<…>` of a value that is no address list by the grammar but that mail programs show all
/// the same.
void collectAngle(std::string_view value, std::vector<MailAddress>& found) {
    const std::size_t open = value.rfind('<');
    if (open == std::string_view::npos)
        return;
    const std::size_t close = value.find('>', open);
    const std::string_view inside =
        trim(value.substr(open + 1, close == std::string_view::npos ? close : close - open - 1));
    if (inside.empty() && close != std::string_view::npos)
        found.emplace_back();
    else if (!inside.empty())
        found.push_back(MailAddress::fromPath(inside));
}

bool isNameCharacter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ' ||
           c == '-' || c == '_' || c == '\'';
}

/// The address of a value that has one plain address, alone or in `Display Name <…>`: nearly all
/// values, for which a parser of the whole grammar is ten times the work. Empty for any other.
std::string_view onlyPlainMailbox(std::string_view value) {
    value = trim(value);
    if (value.ends_with('>')) {
        const std::size_t open = value.find('<');
        if (open == std::string_view::npos ||
            !std::all_of(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(open),
                         isNameCharacter))
            return {};
        value = value.substr(open + 1, value.size() - open - 2);
    }
    const bool dotsApart = value.find("..") == std::string_view::npos &&
                           value.find("@.") == std::string_view::npos &&
                           value.find(".@") == std::string_view::npos && !value.starts_with('.');
    return dotsApart && isPlainMailbox(value) ? value : std::string_view();
}

} // namespace

std::vector<MailAddress> headerAddresses(std::string_view value) {
    std::vector<MailAddress> found;
    if (const std::string_view mailbox = onlyPlainMailbox(value); !mailbox.empty()) {
        found.push_back(MailAddress::fromPath(mailbox));
        return found;
    }
    const std::string text = unfolded(value);
    if (trim(text).empty())
        return found;
    initialiseOnce();
    const AddressList list(internet_address_list_parse(nullptr, text.c_str()));
    if (list)
        collect(list.get(), 0, found);
    if (found.empty())
        collectAngle(text, found);
    return found;
}

} // namespace sluice
