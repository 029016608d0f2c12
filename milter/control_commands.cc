// SPDX-License-Identifier: BSD-2-Clause
#include "milter/control_commands.hh"

#include "common/log.hh"
#include "common/text.hh"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>
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
    BookName{"loops", Store::Book::loops},
    BookName{"blocks", Store::Book::blocks},
    BookName{"bounces", Store::Book::bounces},
};

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

Reply storeUnavailable() {
    return {"the store is unavailable"};
}

} // namespace

Reply ControlCommands::carryOut(const Request& request) {
    if (request.command == "status")
        return {"", actions_.status()};
    if (request.command == "reload")
        return reload();
    for (const auto& [name, book] : books) {
        if (request.command == name)
            return list(book, request);
        if (request.command == std::string(name) + " clear")
            return clear(book, request);
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
    return {"", {{"cleared", *cleared}}};
}

} // namespace sluice
