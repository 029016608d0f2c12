// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/store_key.hh"
#include "milter/policy/store_records.hh"
#include "milter/policy/time_point.hh"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What a site remembers of its mail between messages, for one node or for all. Everything in it
/// expires.
namespace sluice {

/// Everything that a message says to the store at its end. Each part stands under a key of its own,
/// and may be left out.
struct EndOfMessageQuestion {
    struct Message {
        StoreKey key;
        ChainLink link;
        std::chrono::seconds lifetime{};
    };
    struct Row {
        StoreKey key;
        Turn turn;
        std::chrono::seconds lifetime{};
    };
    struct Copy {
        StoreKey key;
        std::chrono::seconds lifetime{}; ///< from the last copy on
    };
    /// Kept with the message: the same list under another Message-ID is another post.
    struct Post {
        StoreKey list;
        PostState state;
    };
    static constexpr std::size_t maxPosts = 8;

    std::uint64_t client = 0; ///< tag of its network: whose share of the memory this uses
    bool searched = false;    ///< by findMessages(): what was a round trip already
    std::optional<Message> message;
    std::optional<Row> row;
    std::optional<Copy> copy;
    std::vector<Post> posts; ///< at most maxPosts are looked at; only with `message`
};

/// A message of a chain, and how long ago it came.
struct KnownLink {
    ChainLink link;
    std::chrono::seconds age{};
};

struct EndOfMessageAnswer {
    /// What was remembered under the Message-ID before. Of the same author: this is a retry, and
    /// nothing was changed. Of another: it was replaced.
    std::optional<KnownLink> known;
    TurnAnswer row;
    CopyAnswer copy;
    /// For each post of the question: how the first one looked; none: this is the first.
    std::vector<std::optional<PostState>> posts;
};

/// A message that was cut.
struct Cut {
    StoreKey loop;     ///< its sender and recipient
    StoreKey client;   ///< the network it came from
    std::string label; ///< for the operator: who, to whom, from where
};

struct CutCount {
    std::uint32_t ofLoop = 0;        ///< in the last hour, this one included
    std::uint32_t loopsOfClient = 0; ///< different ones in the last hour, at most 255
};

/// Mail that is put off for a while.
struct Block {
    StoreKey key; ///< of a loop or a client
    std::chrono::seconds remaining{};
    std::chrono::seconds length{}; ///< of this block as a whole
    std::string label;
};

/// A line of what the operator lists.
struct StoreEntry {
    StoreKey key;
    std::string label;
    std::uint64_t count = 0;          ///< cuts, blocks in a row, failed deliveries
    std::chrono::seconds firstAge{};  ///< since the first of them
    std::chrono::seconds lastAge{};   ///< since the last
    std::chrono::seconds remaining{}; ///< until it is forgotten or, of a block, until it ends
};

/// The store. Every function may answer nullopt or false for "unavailable", after a time that the
/// store bounds itself; none throws. All may be called by any thread. `now` never goes back by more
/// than threads may pass each other; a store that several nodes share goes by its own clock. All
/// that is asked for one message has the same `now`, when its end came: a store that waits bounds
/// by it how long the message waits in all.
///
/// Labels are text for the operator, at most maxLabelOctets of each are kept. A store outside of
/// this process must not see them in clear: it keeps them sealed, or not at all.
class Store {
public:
    /// The last two are an operator's, of networks that are let in or shut out for a while.
    enum class Book : std::uint8_t { loops, blocks, bounces, allowed, denied };
    static constexpr std::size_t maxLabelOctets = 256;
    static constexpr std::size_t maxEntriesListed = 10'000;
    static constexpr std::chrono::seconds cutWindow = std::chrono::hours(1);
    static constexpr std::chrono::seconds firstBlock = std::chrono::minutes(10);
    static constexpr std::chrono::seconds longestBlock = std::chrono::hours(24);
    static constexpr std::chrono::seconds loopLifetime = std::chrono::hours(7 * 24);
    static constexpr std::chrono::seconds bounceLifetime = std::chrono::hours(30 * 24);

    virtual ~Store() = default;

    /// Remembers the message unless it is remembered already, adds its turn and its copy, notes its
    /// posts, and tells what was known before. One round trip; two for one that was not searched
    /// for and is not new.
    virtual std::optional<EndOfMessageAnswer> endOfMessage(const EndOfMessageQuestion& question,
                                                           SteadyTime now) noexcept = 0;

    /// What is remembered under each Message-ID, in the order of `messages`. One round trip.
    virtual std::optional<std::vector<std::optional<KnownLink>>>
    findMessages(const std::vector<StoreKey>& messages, SteadyTime now) noexcept = 0;

    /// The copy that endOfMessage() has just counted was not taken after all.
    virtual bool withdrawCopy(const StoreKey& copy, SteadyTime now) noexcept = 0;
    /// Nobody heard that the last copy was taken. Nothing is done when none is remembered.
    virtual bool noteLostAcknowledgement(const StoreKey& copy, SteadyTime now) noexcept = 0;

    /// True for the first who asks within an hour: the notice about this loop is theirs to send.
    virtual std::optional<bool> claimNotice(const StoreKey& loop, SteadyTime now) noexcept = 0;

    /// Counts a cut in the book of loops, and the loop for its client.
    virtual std::optional<CutCount> countCut(const Cut& cut, SteadyTime now) noexcept = 0;
    /// Blocks for firstBlock; twice as long as the time before, at most longestBlock, when the last
    /// block ended no longer ago than it was long, but at least an hour. While a block lasts it is
    /// told again, unchanged.
    virtual std::optional<Block> block(const StoreKey& key, const std::string& label,
                                       SteadyTime now) noexcept = 0;
    /// All blocks that last.
    virtual std::optional<std::vector<Block>> blocks(SteadyTime now) noexcept = 0;

    /// Counts a delivery that failed, of one member of a list.
    virtual bool countBounce(const StoreKey& member, const std::string& label,
                             SteadyTime now) noexcept = 0;

    /// Puts an entry into a book of the operator's own, or renews it. False: the book is full.
    virtual std::optional<bool> addEntry(Book book, const StoreKey& key, const std::string& label,
                                         std::chrono::seconds lifetime,
                                         SteadyTime now) noexcept = 0;

    /// For the operator, the latest first.
    virtual std::optional<std::vector<StoreEntry>> list(Book book, SteadyTime now) noexcept = 0;
    /// Forgets one entry, or all; answers how many there were. A loop is forgotten with its notice.
    virtual std::optional<std::size_t> clear(Book book, const std::optional<StoreKey>& key,
                                             SteadyTime now) noexcept = 0;
};

} // namespace sluice
