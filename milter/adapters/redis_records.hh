// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/redis_reply.hh"
#include "milter/policy/store.hh"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Records of the store as octets, numbers with the highest octet first: redis_scripts.cc reads and
/// writes the same. What is read may be anything; what does not fit is nothing.
namespace sluice::redis {

std::string octets(std::uint64_t number);
/// As a field of a hash.
std::string octets(const StoreKey& key);
std::optional<StoreKey> storeKey(std::string_view octets);
/// As a part of the name of a key.
std::string hexadecimal(const StoreKey& key);

/// The author comes first.
std::string octets(const ChainLink& link);
std::string octets(const PostState& post);
/// Of a key that is new, for as long as that lasts.
std::string octets(const EndOfMessageQuestion::Message& message,
                   std::span<const EndOfMessageQuestion::Post> posts);
std::string octets(const TurnState& state, std::chrono::seconds lifetime);
std::string octets(const CopyState& state, std::chrono::seconds lifetime);
std::optional<PostState> postState(std::string_view octets);

/// MESSAGE DEPTH FLAGS TEMPLATES and what else addTurn wants, behind the key.
std::vector<std::string> turnArguments(const EndOfMessageQuestion::Row& row);

/// {link, age}; nothing: not remembered, or no such answer.
std::optional<KnownLink> knownLink(RedisValue link, RedisValue age);
/// The octets of a message, and how many milliseconds they last still.
std::optional<KnownLink> knownMessage(RedisValue message, RedisValue left);
std::optional<TurnAnswer> turnAnswer(RedisValue value);
std::optional<CopyAnswer> copyAnswer(RedisValue value);

/// An entry of a book, its label still sealed.
struct BookEntry {
    std::uint32_t count = 0;
    std::uint32_t first = 0; ///< seconds, by the server's clock
    std::uint32_t last = 0;
    std::uint32_t until = 0;  ///< when it is forgotten
    std::uint32_t length = 0; ///< of a block
    std::uint32_t ends = 0;   ///< of a block
    std::string_view label;
};
std::optional<BookEntry> bookEntry(std::string_view octets);

} // namespace sluice::redis
