// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/smtp_reply.hh"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Decisions as plain data. Who applies them is the session's business.
namespace sluice {

/// What ends the evaluation of a stage.
struct Verdict {
    enum class Kind : std::uint8_t {
        refuse,        ///< this command, or the message, gets `reply`
        refuseAndDrop, ///< the same, and the next command of the connection gets 421
    };

    Kind kind;
    SmtpReply reply;
    std::string rule; ///< which rule decided, for the log: "deny-ip 192.0.2.0/24"
};

/// What a rule found without ending the evaluation.
struct Note {
    enum class Kind : std::uint8_t {
        mark,    ///< add the header `headerName: headerValue` to the message
        badmail, ///< at end of message store it in the badmail directory and discard it
        hold,    ///< at end of message put it into the MTA's quarantine
        observe, ///< say so in the log
    };

    Kind kind;
    std::string rule;
    std::string headerName = {};
    std::string headerValue = {};
};

/// The answer of one stage. No verdict means: go on.
struct Decision {
    std::optional<Verdict> verdict = std::nullopt;
    std::vector<Note> notes = {};
};

inline Verdict refuse(SmtpReply reply, std::string rule) {
    return {Verdict::Kind::refuse, std::move(reply), std::move(rule)};
}

inline Verdict refuseAndDrop(SmtpReply reply, std::string rule) {
    return {Verdict::Kind::refuseAndDrop, std::move(reply), std::move(rule)};
}

} // namespace sluice
