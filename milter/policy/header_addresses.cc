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

constexpr std::size_t maxAddresses = 1000;
constexpr std::size_t maxValue = 64UL * 1024;
/// GMime calls itself for each group in a group, and the stacks of callbacks are small. Groups
/// cannot nest at all (RFC 5322 section 3.4).
constexpr std::ptrdiff_t maxGroups = 32;

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

void collect(InternetAddressList* list, std::vector<MailAddress>& found) {
    const int count = internet_address_list_length(list);
    for (int i = 0; i < count; ++i) {
        InternetAddress* const address = internet_address_list_get_address(list, i);
        if (INTERNET_ADDRESS_IS_MAILBOX(address)) {
            const char* const text =
                internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(address));
            if (text != nullptr && *text != '\0')
                found.push_back(MailAddress::fromPath(text));
        } else if (INTERNET_ADDRESS_IS_GROUP(address)) {
            if (auto* const members =
                    internet_address_group_get_members(INTERNET_ADDRESS_GROUP(address)))
                collect(members, found);
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

/// Colons beyond the first few become commas: no group is lost, only that it is one.
void flattenGroups(std::string& text) {
    std::ptrdiff_t colons = 0;
    for (char& c : text)
        if (c == ':' && ++colons > maxGroups)
            c = ',';
}

void add(MailAddress address, std::vector<MailAddress>& found) {
    if (std::find(found.begin(), found.end(), address) == found.end())
        found.push_back(std::move(address));
}

/// Without what stands in `"…"`; a quote that is not closed is none.
std::string withoutQuoted(std::string_view value) {
    std::string text;
    while (!value.empty()) {
        const std::size_t open = value.find('"');
        const std::size_t close = open == value.npos ? open : value.find('"', open + 1);
        text.append(value.substr(0, close == value.npos ? close : open));
        value.remove_prefix(close == value.npos ? value.size() : close + 1);
    }
    return text;
}

void collectWords(std::string_view value, std::vector<MailAddress>& found) {
    constexpr std::string_view ends = " \t()[],;:";
    for (std::size_t at = value.find('@'); at != value.npos && found.size() < maxAddresses;
         at = value.find('@', at + 1)) {
        const std::size_t before = value.substr(0, at).find_last_of(ends);
        const std::size_t start = before == value.npos ? 0 : before + 1;
        const std::size_t end = std::min(value.find_first_of(ends, at), value.size());
        if (const auto word = value.substr(start, end - start); isPlainMailbox(word))
            add(MailAddress::fromPath(word), found);
    }
}

/// The last `<…>`, or, where there is none, each word with an `@`. Mail programs and MTAs find an
/// address where the grammar sees none, or another one, so a value that is out of the ordinary is
/// read in both ways.
void collectPlainly(std::string_view value, std::vector<MailAddress>& found) {
    const std::string unquoted = withoutQuoted(value);
    const std::string_view text = unquoted;
    const std::size_t open = text.rfind('<');
    if (open == text.npos)
        return collectWords(text, found);
    const std::size_t close = text.find('>', open);
    const std::string_view inside =
        trim(text.substr(open + 1, close == text.npos ? close : close - open - 1));
    if (!inside.empty())
        add(MailAddress::fromPath(inside), found);
    else if (close != text.npos)
        add(MailAddress(), found);
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
    std::string text = unfolded(value);
    if (trim(text).empty())
        return found;
    initialiseOnce();
    flattenGroups(text);
    const AddressList list(internet_address_list_parse(nullptr, text.c_str()));
    if (list)
        collect(list.get(), found);
    collectPlainly(text, found);
    return found;
}

} // namespace sluice
