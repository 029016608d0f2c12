// SPDX-License-Identifier: BSD-2-Clause
#include "milter/list_values.hh"

#include "common/domain_name.hh"
#include "common/entry.hh"
#include "common/text.hh"
#include "common/words.hh"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace sluice {
namespace {

std::string inQuotes(std::string_view text) {
    return fmt::format("\"{}\"", escapeForDisplay(text));
}

Result<MailAddress> parseAddress(std::string_view text) {
    return MailAddress::parse(unquoteWhole(text));
}

Result<void> setReturnPath(std::string_view value, MailingList& list) {
    static constexpr std::array<std::pair<std::string_view, ReturnPath>, 4> plain{{
        {"signed", ReturnPath::signedAddress},
        {"null", ReturnPath::null},
        {"keep", ReturnPath::keep},
        {"delegate", ReturnPath::delegate},
    }};
    const auto* const found = std::find_if(plain.begin(), plain.end(),
                                           [&](const auto& each) { return each.first == value; });
    if (found != plain.end()) {
        list.returnPath = found->second;
        return {};
    }
    const std::size_t colon = value.find(':');
    const std::string_view kind = value.substr(0, colon);
    if (colon == std::string_view::npos || (kind != "owner" && kind != "manager"))
        return fail(fmt::format("return-path={} is none of: signed, owner:ADDRESS, "
                                "manager:ADDRESS, null, keep, delegate",
                                inQuotes(value)));
    auto address = parseAddress(value.substr(colon + 1));
    if (!address)
        return tl::unexpected(address.error());
    list.returnPath = kind == "owner" ? ReturnPath::owner : ReturnPath::manager;
    list.returnTo = *std::move(address);
    return {};
}

Result<void> addToList(std::string_view word, MailingList& list) {
    const std::size_t equals = word.find('=');
    const std::string_view key = word.substr(0, equals);
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
    if (key == "return-path")
        return setReturnPath(value, list);
    if (key == "bounces-to") {
        auto address = parseAddress(value);
        if (!address)
            return tl::unexpected(address.error());
        list.bouncesTo = *std::move(address);
        return {};
    }
    const auto added = addRestriction(word, list.posting);
    if (!added)
        return tl::unexpected(added.error());
    if (!*added)
        return fail(inQuotes(word) + " is none of: return-path=, bounces-to=, accept-from=, "
                                     "only-from=, except=");
    return {};
}

Result<void> checkList(const ListSettings& lists, const MailingList& list) {
    if (list.returnPath == ReturnPath::owner || list.returnPath == ReturnPath::manager)
        if (auto fine = endsAtPerson(lists, "return-path", list.returnTo); !fine)
            return fine;
    if (list.returnPath == ReturnPath::signedAddress || list.bouncesTo)
        return endsAtPerson(lists, "bounces-to", list.reportsTo());
    return {};
}

Result<MailAddress> parseOneAddress(std::string_view text) {
    return MailAddress::parse(text);
}

} // namespace

Result<void> endsAtPerson(const ListSettings& lists, std::string_view role,
                          const MailAddress& address) {
    for (const MailAddress& form : {address, address.withoutExtension()}) {
        if (lists.lists.count(form.key()) != 0)
            return fail(fmt::format("{} {} is a list: it would get, and multiply, the reports",
                                    role, inQuotes(address.key())));
        if (lists.robots.count(form.key()) != 0)
            return fail(fmt::format("{} {} is a robot: it would answer the reports", role,
                                    inQuotes(address.key())));
    }
    return {};
}

Result<MailingList> parseList(std::string_view text) {
    const auto words = splitRawWords(text);
    if (!words)
        return tl::unexpected(words.error());
    if (words->empty())
        return fail("expected ADDRESS [return-path=…] …");
    auto address = parseAddress(words->front());
    if (!address)
        return tl::unexpected(address.error());
    MailingList list;
    list.address = *std::move(address);
    for (std::size_t i = 1; i < words->size(); ++i)
        if (auto added = addToList((*words)[i], list); !added)
            return tl::unexpected(added.error());
    return list;
}

void readLists(SettingsReader& reader, ListSettings& lists) {
    std::vector<std::pair<std::string, Origin>> places;
    reader.eachWithOrigin("list", [&](std::string_view text, const Origin& origin) -> Result<void> {
        auto list = parseList(text);
        if (!list)
            return tl::unexpected(list.error());
        const std::string key = list->address.key();
        places.emplace_back(key, origin);
        if (!lists.lists.emplace(key, *std::move(list)).second)
            return fail(inQuotes(key) + " is named twice");
        return {};
    });
    reader.each("robot", [&](std::string_view text) -> Result<void> {
        const auto address = parseAddress(text);
        if (!address)
            return tl::unexpected(address.error());
        if (lists.lists.count(address->key()) != 0)
            return fail(inQuotes(address->key()) + " is a list already");
        lists.robots.insert(address->key());
        return {};
    });
    for (const auto& [key, origin] : places)
        if (auto fine = checkList(lists, lists.lists.at(key)); !fine)
            reader.problem("list", origin, fine.error().message);
    reader.read("bounce-domain", parseDomain, lists.bounceDomain);
    reader.choice("mixed-recipients", {{"split", true}, {"leave", false}}, lists.splitMixed);
    lists.reportCopy = reader.value("report-copy", parseOneAddress);
    if (lists.reportCopy)
        if (auto fine = endsAtPerson(lists, "report-copy", *lists.reportCopy); !fine)
            reader.problem("report-copy", fine.error().message);
    const bool signs = std::any_of(lists.lists.begin(), lists.lists.end(), [](const auto& each) {
        return each.second.returnPath == ReturnPath::signedAddress;
    });
    if (signs && !reader.isSet("key-file"))
        reader.problem("list", "return-path=signed, the default, needs key-file: reports come back "
                               "after days");
}

} // namespace sluice
