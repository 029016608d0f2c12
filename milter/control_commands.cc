// SPDX-License-Identifier: BSD-2-Clause
#include "milter/control_commands.hh"

#include "common/duration.hh"
#include "common/entry.hh"
#include "common/ip_network.hh"
#include "common/log.hh"
#include "common/text.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <random>
#include <string_view>

namespace sluice {
namespace {

using control::Reply;
using control::Request;
using nlohmann::json;

constexpr std::size_t halfId = 16; // hexadecimal digits

struct BookName {
    std::string_view name;
    Store::Book book;
};

constexpr std::array books{
    BookName{"loops", Store::Book::loops},     BookName{"blocks", Store::Book::blocks},
    BookName{"bounces", Store::Book::bounces}, BookName{"allowed", Store::Book::allowed},
    BookName{"denied", Store::Book::denied},
};

constexpr std::chrono::hours longestAdded{366 * 24};

std::string idOf(const StoreKey& key) {
    return fmt::format("{:016x}{:016x}", key.high, key.low);
}

std::optional<std::uint64_t> hexNumber(std::string_view digits) {
    std::uint64_t number = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
    if (error != std::errc() || end != digits.data() + digits.size())
        return std::nullopt;
    return number;
}

std::optional<StoreKey> keyOf(std::string_view id) {
    if (id.size() != 2 * halfId)
        return std::nullopt;
    const auto high = hexNumber(id.substr(0, halfId));
    const auto low = hexNumber(id.substr(halfId));
    return high && low ? std::optional(StoreKey{*high, *low}) : std::nullopt;
}

json asJson(const StoreEntry& entry) {
    return {{"id", idOf(entry.key)},
            {"label", entry.label},
            {"count", entry.count},
            {"first_seconds_ago", entry.firstAge.count()},
            {"last_seconds_ago", entry.lastAge.count()},
            {"remaining_seconds", entry.remaining.count()}};
}

/// A failed delivery is labelled `LIST MEMBER`.
bool isOfList(const StoreEntry& entry, std::string_view list) {
    return entry.label.starts_with(list) &&
           std::string_view(entry.label).substr(list.size()).starts_with(' ');
}

std::string argumentOf(const Request& request, const std::string& name) {
    const auto found = request.arguments.find(name);
    return found == request.arguments.end() ? "" : found->second;
}

bool isOfNetwork(const StoreEntry& entry, const std::string& network) {
    const auto parsed = parseEntry(entry.label);
    return parsed && parsed->value == network;
}

/// The entry of this network, if there is one.
const StoreEntry* entryOf(const std::vector<StoreEntry>& entries, const std::string& network) {
    const auto found = std::find_if(entries.begin(), entries.end(), [&](const StoreEntry& entry) {
        return isOfNetwork(entry, network);
    });
    return found == entries.end() ? nullptr : &*found;
}

StoreKey newKey() {
    std::random_device random;
    const auto number = [&] { return (std::uint64_t{random()} << 32U) | random(); };
    return {number(), number()};
}

/// As a table would have it; a note in quotes has neither quotes nor control characters in it.
Result<std::string> labelOf(const IpNetwork& network, const std::string& note) {
    const bool plain = std::none_of(note.begin(), note.end(), [](char c) {
        return c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ' || c == '\x7f';
    });
    if (!plain)
        return fail("a note has no quotes, backslashes or control characters");
    std::string label = network.text();
    if (!note.empty())
        label += fmt::format(" note=\"{}\"", note);
    if (label.size() > Store::maxLabelOctets)
        return fail("the note is too long");
    return label;
}

Reply storeUnavailable() {
    return {"the store is unavailable"};
}

} // namespace

Reply ControlCommands::carryOut(const Request& request) {
    if (request.command == "status")
        return {"", actions_.status()};
    if (request.command == "reload")
        return reload();
    if (request.command == "explain" && actions_.explain)
        return actions_.explain(request);
    for (const auto& [name, book] : books) {
        if (request.command == name)
            return list(book, request);
        if (request.command == std::string(name) + " clear")
            return clear(book, request);
        const bool isOperators = book == Store::Book::allowed || book == Store::Book::denied;
        if (isOperators && request.command == std::string(name) + " add")
            return addNetwork(book, request);
        if (isOperators && request.command == std::string(name) + " del")
            return removeNetwork(book, request);
    }
    return {quoteForDisplay(request.command) + " is no command of this filter"};
}

Reply ControlCommands::reload() {
    log::info(LogCategory::daemon, "control: reload");
    const std::vector<std::string> problems = actions_.reload();
    if (problems.empty())
        return {"", json::object()};
    return {fmt::format("the old configuration stays in force\n{}", fmt::join(problems, "\n"))};
}

Reply ControlCommands::list(Store::Book book, const Request& request) {
    const auto entries = store_.list(book, calendar_.now().steady);
    if (!entries)
        return storeUnavailable();
    const auto wanted = request.arguments.find("list");
    json shown = json::array();
    for (const StoreEntry& entry : *entries)
        if (wanted == request.arguments.end() || isOfList(entry, toLowerAscii(wanted->second)))
            shown.push_back(asJson(entry));
    return {"", std::move(shown)};
}

Reply ControlCommands::clear(Store::Book book, const Request& request) {
    std::optional<StoreKey> key;
    if (const auto id = request.arguments.find("id"); id != request.arguments.end()) {
        key = keyOf(id->second);
        if (!key)
            return {quoteForDisplay(id->second) + " is no id"};
    }
    const SteadyTime now = calendar_.now().steady;
    const auto cleared = store_.clear(book, key, now);
    if (!cleared)
        return storeUnavailable();
    log::info(LogCategory::daemon, "control: {}: {} cleared", escapeForDisplay(request.command),
              *cleared);
    loops_.refresh(now);
    operatorLists_.refresh(now);
    return {"", {{"cleared", *cleared}}};
}

Reply ControlCommands::addNetwork(Store::Book book, const Request& request) {
    const auto network = IpNetwork::parse(argumentOf(request, "network"));
    if (!network)
        return {network.error().message};
    const auto lifetime = parseDuration(argumentOf(request, "for"));
    if (!lifetime)
        return {lifetime.error().message};
    const auto time = std::chrono::duration_cast<std::chrono::seconds>(*lifetime);
    if (time.count() < 1 || time > longestAdded)
        return {"an entry is for 1s at least, and for " + formatDuration(longestAdded) +
                " at most"};
    const auto label = labelOf(*network, argumentOf(request, "note"));
    if (!label)
        return {label.error().message};
    const SteadyTime now = calendar_.now().steady;
    const auto entries = store_.list(book, now);
    if (!entries)
        return storeUnavailable();
    const StoreEntry* const known = entryOf(*entries, network->text());
    const auto added =
        store_.addEntry(book, known == nullptr ? newKey() : known->key, *label, time, now);
    if (!added)
        return storeUnavailable();
    if (!*added)
        return {"there is no room for more entries"};
    log::info(LogCategory::daemon, "control: {} {} for {}", request.command,
              escapeForDisplay(*label), formatDuration(*lifetime));
    operatorLists_.refresh(now);
    return {"", json::object()};
}

Reply ControlCommands::removeNetwork(Store::Book book, const Request& request) {
    const auto network = IpNetwork::parse(argumentOf(request, "network"));
    if (!network)
        return {network.error().message};
    const SteadyTime now = calendar_.now().steady;
    const auto entries = store_.list(book, now);
    if (!entries)
        return storeUnavailable();
    // two nodes may have added it at once
    std::size_t removed = 0;
    for (const StoreEntry& entry : *entries) {
        if (!isOfNetwork(entry, network->text()))
            continue;
        if (!store_.clear(book, entry.key, now))
            return storeUnavailable();
        ++removed;
    }
    if (removed == 0)
        return {network->text() + " is not there"};
    log::info(LogCategory::daemon, "control: {} {}", request.command, network->text());
    operatorLists_.refresh(now);
    return {"", json::object()};
}

} // namespace sluice
