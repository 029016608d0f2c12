// SPDX-License-Identifier: BSD-2-Clause
#include "common/log.hh"

#include <algorithm>

namespace sluice {
namespace {

constexpr std::array<std::string_view, 4> levelNames{"error", "warning", "info", "debug"};
constexpr std::array<std::string_view, logCategoryCount> categoryNames{
    "daemon", "config", "session", "decision", "dnsbl", "badmail", "directory", "store"};

template<typename Enum, std::size_t count>
std::optional<Enum> enumFromName(const std::array<std::string_view, count>& names,
                                 std::string_view name) {
    const auto* const found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
        return std::nullopt;
    return static_cast<Enum>(found - names.begin());
}

} // namespace

std::optional<LogLevel> logLevelFromName(std::string_view name) {
    return enumFromName<LogLevel>(levelNames, name);
}

std::optional<LogCategory> logCategoryFromName(std::string_view name) {
    return enumFromName<LogCategory>(categoryNames, name);
}

std::string_view logLevelName(LogLevel level) {
    return levelNames[static_cast<std::size_t>(level)];
}

std::string_view logCategoryName(LogCategory category) {
    return categoryNames[static_cast<std::size_t>(category)];
}

} // namespace sluice
