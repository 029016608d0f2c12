// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/address_pattern.hh"
#include "common/log.hh"
#include "common/network_set.hh"
#include "common/text.hh"
#include "milter/adapters/client_shares.hh"
#include "milter/config.hh"
#include "milter/options.hh"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// From the text of one value to its type.
namespace sluice {

Result<bool> parseYesNo(std::string_view text);
Result<std::uint64_t> parseCount(std::string_view text);
Result<SocketSpec> parseSocket(std::string_view text);
Result<mode_t> parseMode(std::string_view text);
/// A duration that leaves the MTA's own time-out for a command (30 s) some room.
Result<std::chrono::milliseconds> parseDnsTimeout(std::string_view text);
/// A duration up to 5s, so that mail servers are still waiting for the answer.
Result<std::chrono::milliseconds> parseTarpit(std::string_view text);
/// `ADDR` or `ADDR@PORT`, both numeric.
Result<std::string> parseServer(std::string_view text);

struct HarvestLimit {
    std::uint32_t count = 0;
    std::chrono::milliseconds window{std::chrono::hours(1)};
};
/// `20/1h`, or `0`.
Result<HarvestLimit> parseHarvestLimit(std::string_view text);
/// `200000/6h`: what a client may fill; all together may fill ten times that.
Result<ClientShares::Limits> parseStoreShare(std::string_view text);

struct NamedListener {
    std::string name; ///< lower case
    ListenerSettings settings;
};
Result<NamedListener> parseListener(std::string_view text);

struct NamedRestriction {
    std::string key; ///< MailAddress::key()
    Restriction restriction;
};
Result<NamedRestriction> parseRestriction(std::string_view text);
/// One `accept-from=`, `only-from=` or `except=`, as it is written. False: it is none of them.
Result<bool> addRestriction(std::string_view word, Restriction& restriction);

Result<void> applyLogLevel(std::string_view text, LogLevels& levels);

/// Reads the options one by one and collects what is wrong with them, with option and origin.
class SettingsReader {
public:
    SettingsReader(const Settings& settings, std::vector<Problem>& problems)
        : settings_(settings), problems_(problems) {}

    /// The one word of an option that occurs once; empty when it is not set, or wrong.
    std::string word(std::string_view name);

    /// The option's word as `parse` reads it; nothing when it is not set, or wrong.
    template<typename T>
    std::optional<T> value(std::string_view name, Result<T> (*parse)(std::string_view)) {
        const std::string text = word(name);
        if (text.empty())
            return std::nullopt;
        auto result = parse(text);
        if (result)
            return std::move(*result);
        problem(name, result.error().message);
        return std::nullopt;
    }

    template<typename T>
    void read(std::string_view name, Result<T> (*parse)(std::string_view), T& into) {
        if (auto result = value(name, parse))
            into = std::move(*result);
    }

    /// The value that belongs to the option's word.
    template<typename T>
    void choice(std::string_view name, std::initializer_list<std::pair<const char*, T>> choices,
                T& into) {
        const std::string text = word(name);
        std::string all;
        for (const auto& [word, meaning] : choices) {
            if (text == word) {
                into = meaning;
                return;
            }
            all += (all.empty() ? "" : ", ") + std::string(word);
        }
        if (!text.empty())
            problem(name, fmt::format("\"{}\" is none of: {}", escapeForDisplay(text), all));
    }

    /// Calls `use(text)`, which returns a Result, for each value and each line of each table.
    template<typename Use>
    void each(std::string_view name, Use use) {
        eachWithOrigin(name, [&](std::string_view text, const Origin&) { return use(text); });
    }

    /// The same with `use(text, origin)`.
    template<typename Use>
    void eachWithOrigin(std::string_view name, Use use) {
        settings_.forEach(
            name,
            [&](std::string_view text, const Origin& origin) {
                if (auto result = use(text, origin); !result)
                    problem(name, origin, result.error().message);
            },
            problems_);
    }

    void networks(std::string_view name, NetworkSet& into);
    /// Returns how many there were.
    std::size_t patterns(std::string_view name, PatternSet& into);

    [[nodiscard]] bool isSet(std::string_view name) const {
        return !settings_.values(name).empty();
    }
    void problem(std::string_view name, const Origin& origin, std::string_view what);
    /// At the place of the option's last value.
    void problem(std::string_view name, std::string_view what);

private:
    const Settings& settings_;
    std::vector<Problem>& problems_;
};

} // namespace sluice
