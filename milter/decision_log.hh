// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/log.hh"
#include "milter/policy/verdict.hh"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The lines of the log that say what was decided, and by which rule.
namespace sluice {

/// Where in a transaction something was decided.
enum class Stage : std::uint8_t { connect, helo, mail, rcpt, data, headers, message };

std::string_view stageName(Stage stage);

/// One decision. Texts are as the client sent them; what is empty is left out.
struct DecisionLine {
    std::uint64_t session = 0;
    std::string_view queueId;
    std::string client;
    std::string_view stage;
    std::string_view action;
    bool observing = false; ///< the action would have been taken
    std::string_view rule = {};
    std::string_view reply = {};
    bool hasSender = false; ///< `from` counts, `<>` too
    std::string_view from = {};
    std::string_view to = {};
    std::optional<std::uint64_t> recipients = std::nullopt; ///< how many there are
    std::string_view becomes = {}; ///< what the recipient or the return path was changed to
};

/// How the log calls what a note says.
std::string_view actionName(Note::Kind kind);

/// In category decision.
void logDecision(const DecisionLine& line, LogLevel level = LogLevel::info);

} // namespace sluice
