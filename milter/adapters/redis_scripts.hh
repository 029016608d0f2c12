// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>

/// What the store does in Redis, an operation and key each: atomic, and by the server's clock. The
/// layouts of the values are redis_records.hh's.
namespace sluice {

struct RedisScript {
    explicit RedisScript(std::string lua);

    std::string text;
    std::string sha1; ///< in hexadecimal, as EVALSHA wants it
};

/// All of them. Each has one key. Times are whole seconds, octets are raw.
struct RedisScripts {
    static const RedisScripts& get();

    /// LINK LIFETIME [LIST POST]… → {link before or nil, its age, post before or nil, …}
    RedisScript rememberMessage;
    /// AUTHOR MESSAGE DEPTH FLAGS TEMPLATES LIFETIME → {turns, answer flags}
    RedisScript addTurn;
    /// LIFETIME → {copies before, lost, constant intervals, interval}
    RedisScript addCopy;
    RedisScript withdrawCopy;
    RedisScript noteLostAcknowledgement;

    /// Of a book. FIELD LABEL COMPANION LIFETIME MOST → 1
    RedisScript countEntry;
    /// FIELD LABEL FIRST LONGEST WINDOW MOST → {remaining, length, label}
    RedisScript block;
    /// FIELD LABEL LIFETIME MOST → 1; 0: the book is full
    RedisScript putEntry;
    /// VERSION → {now, version} when that is its version, else {now, version, field, entry, …}
    RedisScript listEntries;
    /// [FIELD] → {field, companion, …} of those that are forgotten
    RedisScript forgetEntries;

    /// WINDOW → cuts within it
    RedisScript countInWindow;
    /// LOOP WINDOW MOST → different ones within it
    RedisScript countLoop;
    /// WINDOW in milliseconds → unknown recipients within it
    RedisScript countUnknown;
    /// MEMBER → 1 it is in the set, 0 it is not, -1 there is no such set
    RedisScript findMember;
    /// Sets a key that ends by itself as messages are set (NX with GET, Redis 7.0): whoever can do
    /// that can count.
    RedisScript probe;
};

} // namespace sluice
