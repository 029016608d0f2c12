// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "test/support/packet_stream.hh"
#include "test/support/trouble.hh"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::mta {

/// What the filter said to one step.
struct Reply {
    enum class Kind : unsigned char {
        none,    ///< no answer; `silence` says why
        proceed, ///< "continue"
        accept,
        reject,
        tempfail,
        discard,
        replyCode, ///< `line` is the reply
        skip,
        connectionFailure,
        shutdown,
    };
    enum class Silence : unsigned char {
        notWanted, ///< the filter asked not to get this step: nothing was sent
        skipped,   ///< the filter asked to skip the rest of the body: nothing was sent
        empty,     ///< a body without octets has no chunk: nothing was sent
        noReply,   ///< sent; the filter asked not to answer this step
        notWaited, ///< sent; the answer is to be read later
    };

    Kind kind = Kind::none;
    Silence silence = Silence::notWanted;
    std::string line; ///< replyCode: as the filter sent it, several lines apart by CR LF

    static Reply silent(Silence why) { return {Kind::none, why, {}}; }
    [[nodiscard]] bool goesOn() const { return kind == Kind::proceed || kind == Kind::none; }
};

/// A reply code in its parts.
struct ReplyText {
    int code;
    std::string enhanced; ///< `5.7.1`; empty without one
    std::string text;     ///< lines joined by LF; `%%` is `%`, as the MTA will send it
};

/// Trouble of kind protocol: what an MTA would not take for a 4xx or 5xx reply, lines of different
/// codes included.
Outcome<ReplyText> parseReplyLine(std::string_view line);

/// A change of the message, asked for at its end.
struct Edit {
    enum class Kind : unsigned char {
        addHeader,
        insertHeader,
        changeHeader, ///< an empty value deletes
        changeSender,
        addRecipient,
        addRecipientWithArguments,
        deleteRecipient,
        replaceBody, ///< one chunk
        quarantine,
    };
    Kind kind;
    std::string name;        ///< header edits
    std::string value;       ///< header value, address, body chunk or reason
    std::uint32_t index = 0; ///< insertHeader (0: on top) and changeHeader (from 1, of that name)
    std::optional<std::string> arguments; ///< ESMTP arguments of an envelope edit, if sent
};

struct EndOfMessage {
    Reply reply;
    std::vector<Edit> edits; ///< in the order in which they came
};

/// nullopt when the packet is an edit or "progress".
Outcome<std::optional<Reply>> parseReply(const Packet& packet);
/// Trouble of kind protocol: no edit, or not made as one.
Outcome<Edit> parseEdit(const Packet& packet);

} // namespace sluice::mta
