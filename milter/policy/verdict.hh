// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/smtp_reply.hh"
#include "milter/policy/classification.hh"
#include "milter/policy/edits.hh"
#include "milter/policy/store.hh"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Decisions as plain data. Who applies them is the session's business.
namespace sluice {

struct MailingList;

/// What kind of finding a decision rests on, for those who count them.
enum class About : std::uint8_t {
    rule,
    loop,      ///< the message turns in a loop
    duplicate, ///< it is a copy of an earlier one
};

/// What ends the evaluation of a stage.
struct Verdict {
    enum class Kind : std::uint8_t {
        refuse,        ///< this command, or the message, gets `reply`
        refuseAndDrop, ///< the same, and the next command of the connection gets 421
    };

    Kind kind;
    SmtpReply reply;
    std::string rule; ///< which rule decided, for the log: "deny-ip 192.0.2.0/24"
    About about = About::rule;
    std::chrono::milliseconds delay{0}; ///< how long the reply should wait, where that hurts nobody
};

/// What a rule found without ending the evaluation.
struct Note {
    enum class Kind : std::uint8_t {
        mark,    ///< add the header `headerName: headerValue`; no name: it is in Decision::edits
        badmail, ///< at end of message store it in the badmail directory and discard it
        hold,    ///< at end of message put it into the MTA's quarantine
        observe, ///< say so in the log

        // what is in Decision::edits, for the log
        redirect,   ///< `recipient` was replaced by `becomes`
        remove,     ///< `recipient` does not get the message
        returnPath, ///< `becomes` is the new one
        rewrite,    ///< the value of a field, of which `becomes` is the new one
        discard,    ///< nobody gets the message, and the client is told that it was taken
    };

    Kind kind;
    std::string rule;
    std::string headerName = {};
    std::string headerValue = {};
    std::string recipient = {}; ///< as RCPT gave it; untrusted text
    std::string becomes = {};
    About about = About::rule;
};

/// What the loop engine wants to be done besides; the caller's business like all effects.
struct LoopResponse {
    std::optional<Cut> cut; ///< the message was found in a loop: to be counted, and told
    std::string reason;     ///< why; nothing of the message is in it
    std::string alert;      ///< about equal copies, for the operator; empty: none
    /// The copy that was counted: to be withdrawn when the message is not accepted, and to be kept
    /// until the client shows that it has heard of that. See LoopDetector.
    std::optional<StoreKey> copy;
};

/// The answer of one stage. No verdict means: go on.
struct Decision {
    std::optional<Verdict> verdict = std::nullopt;
    std::vector<Note> notes = {};
    Edits edits = {};     ///< at end of message only
    bool discard = false; ///< at end of message only: take the message and drop it
    LoopResponse loop = {};
    std::optional<MessageClass> messageClass = std::nullopt; ///< where a rule has looked
    /// Lists whose signed return path the message came to, when it is a report: its failed
    /// recipients are members of theirs.
    std::vector<const MailingList*> reported = {};
};

inline Verdict refuse(SmtpReply reply, std::string rule, About about = About::rule) {
    return {Verdict::Kind::refuse, std::move(reply), std::move(rule), about};
}

inline Verdict refuseAndDrop(SmtpReply reply, std::string rule) {
    return {Verdict::Kind::refuseAndDrop, std::move(reply), std::move(rule)};
}

} // namespace sluice
