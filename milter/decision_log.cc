// SPDX-License-Identifier: BSD-2-Clause
#include "milter/decision_log.hh"

#include "common/text.hh"

#include <fmt/format.h>

#include <utility>

namespace sluice {
namespace {

/// `name="value"`, with nothing in the value that could end it.
void appendField(std::string& line, std::string_view name, std::string_view value) {
    line.append(" ").append(name).append("=\"");
    for (const char c : escapeForDisplay(value))
        c == '"' ? line.append("\\x22") : line.append(1, c);
    line.append("\"");
}

void appendUnlessEmpty(std::string& line, std::string_view name, std::string_view value) {
    if (!value.empty())
        appendField(line, name, value);
}

} // namespace

std::string_view stageName(Stage stage) {
    switch (stage) {
    case Stage::connect:
        return "connect";
    case Stage::helo:
        return "helo";
    case Stage::mail:
        return "mail";
    case Stage::rcpt:
        return "rcpt";
    case Stage::data:
        return "data";
    case Stage::headers:
        return "headers";
    case Stage::message:
        return "message";
    }
    return "";
}

std::string_view actionName(Note::Kind kind) {
    switch (kind) {
    case Note::Kind::mark:
        return "mark";
    case Note::Kind::badmail:
        return "badmail";
    case Note::Kind::hold:
        return "hold";
    case Note::Kind::observe:
        return "observe";
    case Note::Kind::redirect:
        return "redirect";
    case Note::Kind::remove:
        return "remove";
    case Note::Kind::returnPath:
        return "return-path";
    case Note::Kind::rewrite:
        return "rewrite";
    case Note::Kind::discard:
        return "discard";
    }
    return "";
}

void logDecision(const DecisionLine& line, LogLevel level) {
    if (!log::enabled(LogCategory::decision, level))
        return;
    std::string text = fmt::format("session={} queue={} client={} stage={} action={}{}",
                                   line.session, escapeForDisplay(line.queueId), line.client,
                                   line.stage, line.observing ? "would-" : "", line.action);
    appendUnlessEmpty(text, "rule", line.rule);
    appendUnlessEmpty(text, "reply", line.reply);
    if (line.hasSender)
        appendField(text, "from", line.from);
    appendUnlessEmpty(text, "to", line.to);
    appendUnlessEmpty(text, "becomes", line.becomes);
    if (line.recipients)
        text += fmt::format(" recipients={}", *line.recipients);
    log::write(LogCategory::decision, level, std::move(text));
}

} // namespace sluice
