// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

/// What a store remembers, and how each record goes on when a message comes. Any store behaves like
/// these functions, in whatever language it does so. Tags (see KeyHasher) are never 0; 0 is "none".
namespace sluice {

/// The templates of the last messages of a chain, the newest first; 0 where there is none.
constexpr std::size_t templatesKept = 4;
using Templates = std::array<std::uint64_t, templatesKept>;

/// A message of a chain, kept under its Message-ID.
struct ChainLink {
    std::uint64_t author = 0;
    std::uint64_t previousAuthor = 0; ///< of the message it answers; 0: it starts a chain
    Templates templates{};            ///< its own first
    std::uint16_t depth = 1;
    bool automatic = false;      ///< this message
    bool chainAutomatic = false; ///< some message before it
    bool prompt = false;         ///< on a list, it answers somebody else faster than people do

    friend bool operator==(const ChainLink&, const ChainLink&) = default;
};

/// A message as the next of a row between the same addresses with the same subject.
struct Turn {
    std::uint64_t author = 0;
    std::uint32_t message = 0; ///< by which a retry is known
    std::uint16_t depth = 1;   ///< what its references say
    bool referring = false;    ///< it names a message that is remembered
    bool automatic = false;
    bool reaction = false;       ///< it says itself that it answers a message
    bool chainAutomatic = false; ///< some message before it in the chain of its references
    Templates templates{};       ///< its own first, then those of that chain
    bool toPrompt = false;       ///< what it answers was a prompt answer itself
};

/// What a turn is told of the row.
struct TurnAnswer {
    std::uint16_t turns = 1;     ///< with this one: how often the author has changed, plus 1
    bool repeated = false;       ///< its template was in the row before
    bool otherRepeated = false;  ///< so was that of the author before it
    bool chainAutomatic = false; ///< some message before it in the row is automatic
    bool otherAutomatic = false; ///< that of the author before it is
    /// Its author wrote the same in the row before, both times as an answer, and one of them to a
    /// prompt one.
    bool again = false;

    friend bool operator==(const TurnAnswer&, const TurnAnswer&) = default;
};

/// The row so far.
struct TurnState {
    /// One of the last messages, and what it was told.
    struct Seen {
        std::uint32_t message = 0;
        TurnAnswer answer{};
    };

    std::uint64_t author = 0; ///< of the newest message; 0: the row is empty
    Templates templates{};
    std::array<Seen, templatesKept> seen{}; ///< the newest first
    bool referring = false;                 ///< the newest message
    bool automatic = false;                 ///< the newest message
    bool toPrompt = false;                  ///< the newest message
};

/// Two turns farther apart have nothing to do with each other.
constexpr std::chrono::seconds conversationPause = std::chrono::hours(1);

/// What neither names the message before it nor says that it answers is taken for an effect of an
/// automatic or referring message only within this time: a monitor whose mails are acknowledged
/// goes on by itself.
constexpr std::chrono::seconds promptReply{30};

/// Is it one of the last messages of the row?
bool isRetry(const TurnState& state, const Turn& turn);

/// Adds the turn to the row, whose last message came `age` ago. A retry of one of the last messages
/// changes nothing, and is told what it was told before.
TurnAnswer advance(TurnState& state, const Turn& turn, std::chrono::seconds age);

/// The copies of one message that were taken.
struct CopyState {
    std::uint32_t copies = 0;
    std::uint16_t lost = 0;              ///< acknowledgements that nobody heard
    std::uint16_t constantIntervals = 0; ///< the latest intervals that are nearly the same
    std::uint32_t interval = 0;          ///< seconds, the first of those
};

/// What a copy is told of those before it.
struct CopyAnswer {
    std::uint32_t before = 0;            ///< equal copies that were taken
    std::uint32_t lost = 0;              ///< of these the ones whose acknowledgement was lost
    std::uint32_t constantIntervals = 0; ///< the one that ends with this copy is the last
    std::chrono::seconds interval{};
};

/// Two intervals are nearly the same when they differ by no more than this, or by a tenth.
constexpr std::chrono::seconds intervalTolerance{2};

/// Adds a copy, `age` after the one before it.
CopyAnswer advance(CopyState& state, std::chrono::seconds age);

/// How a post of a list looked when it came. An honest retry looks the same.
struct PostState {
    std::uint32_t received = 0; ///< Received: lines
    std::uint64_t stamps = 0;   ///< tag of all trace headers; 0: none

    friend bool operator==(const PostState&, const PostState&) = default;
};

/// Does the same Message-ID, posted again, look as if it came back from the list? More Received
/// lines than then, or another stamp.
bool cameBack(const PostState& then, const PostState& now);

} // namespace sluice
