// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/store_memory.hh"

#include "common/locked.hh"
#include "milter/adapters/expiring_table.hh"
#include "milter/adapters/store_books.hh"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <exception>
#include <limits>
#include <utility>

namespace sluice {
namespace {

using std::chrono::seconds;
using Second = std::uint32_t;

constexpr std::size_t shardCount = 8;
/// Few messages are posts of a list.
constexpr std::size_t messagesPerPost = 16;

Second secondAt(SteadyTime time) {
    const auto whole = std::chrono::duration_cast<seconds>(time.time_since_epoch()).count();
    return static_cast<Second>(
        std::clamp<seconds::rep>(whole, 0, std::numeric_limits<Second>::max()));
}

Second lengthOf(seconds lifetime) {
    return static_cast<Second>(
        std::clamp<seconds::rep>(lifetime.count(), 0, std::numeric_limits<Second>::max()));
}

/// Threads come here in another order than they took the time.
seconds ageAt(Second seen, Second now) {
    return seconds(now > seen ? now - seen : 0);
}

using Links = ExpiringTable<ChainLink>;
using Rows = ExpiringTable<TurnState>;
using Copies = ExpiringTable<CopyState>;
using Posts = ExpiringTable<PostState>;

constexpr std::size_t octetsOfMessage = Links::octetsOfEntry() + Rows::octetsOfEntry() +
                                        Copies::octetsOfEntry() +
                                        Posts::octetsOfEntry() / messagesPerPost;

/// One part of the keys, under a lock of its own.
struct Shard {
    explicit Shard(std::size_t messages)
        : links(messages), rows(messages), copies(messages), posts(messages / messagesPerPost) {}

    Links links;
    Rows rows;
    Copies copies;
    Posts posts;
};

template<typename Value>
std::optional<KnownLink> knownLink(const Value* entry, Second now) {
    if (entry == nullptr)
        return std::nullopt;
    return KnownLink{entry->value, ageAt(entry->seen, now)};
}

/// A post is kept apart from its message, since so few messages are one.
StoreKey postKey(const StoreKey& message, const StoreKey& list) {
    return {message.high ^ list.high, message.low ^ list.low};
}

class MemoryStore : public Store {
public:
    explicit MemoryStore(const MemoryStoreSettings& settings)
        : shards_(makeShards(settings.maxOctets / octetsOfMessage / shardCount,
                             std::make_index_sequence<shardCount>())),
          books_(std::max<std::size_t>(settings.maxBookEntries, 1)) {}

    std::optional<EndOfMessageAnswer> endOfMessage(const EndOfMessageQuestion& question,
                                                   SteadyTime now) noexcept override;
    std::optional<std::vector<std::optional<KnownLink>>>
    findMessages(const std::vector<StoreKey>& messages, SteadyTime now) noexcept override;
    bool withdrawCopy(const StoreKey& copy, SteadyTime now) noexcept override;
    bool noteLostAcknowledgement(const StoreKey& copy, SteadyTime now) noexcept override;

    std::optional<bool> claimNotice(const StoreKey& loop, SteadyTime now) noexcept override {
        return answered([&] { return books_.lock()->claimNotice(loop, now); });
    }
    std::optional<CutCount> countCut(const Cut& cut, SteadyTime now) noexcept override {
        return answered([&] { return books_.lock()->countCut(cut, now); });
    }
    std::optional<Block> block(const StoreKey& key, const std::string& label,
                               SteadyTime now) noexcept override {
        return answered([&] { return books_.lock()->block(key, label, now); });
    }
    std::optional<std::vector<Block>> blocks(SteadyTime now) noexcept override {
        return answered([&] { return books_.lock()->blocks(now); });
    }
    bool countBounce(const StoreKey& member, const std::string& label,
                     SteadyTime now) noexcept override {
        return answered([&] {
                   books_.lock()->countBounce(member, label, now);
                   return true;
               })
            .has_value();
    }
    std::optional<bool> addEntry(Book book, const StoreKey& key, const std::string& label,
                                 seconds lifetime, SteadyTime now) noexcept override {
        return answered([&] { return books_.lock()->addEntry(book, key, label, lifetime, now); });
    }
    std::optional<std::vector<StoreEntry>> list(Book book, SteadyTime now) noexcept override {
        return answered([&] { return books_.lock()->list(book, now); });
    }
    std::optional<std::size_t> clear(Book book, const std::optional<StoreKey>& key,
                                     SteadyTime /*now*/) noexcept override {
        return answered([&] { return books_.lock()->clear(book, key); });
    }

private:
    using LockedShard = Locked<Shard>;
    using Shards = std::array<LockedShard, shardCount>;

    template<std::size_t... Index>
    static Shards makeShards(std::size_t messages, std::index_sequence<Index...>) {
        return {((void)Index, LockedShard(messages))...};
    }
    template<typename Question>
    static auto answered(Question&& question) noexcept -> std::optional<decltype(question())> {
        try {
            return question();
        } catch (const std::exception&) {
            return std::nullopt; // no memory
        }
    }
    LockedShard& shardOf(const StoreKey& key) {
        return shards_[static_cast<std::size_t>(key.high % shardCount)];
    }

    std::optional<KnownLink> remember(const EndOfMessageQuestion::Message& message,
                                      std::uint64_t client, Second now);
    TurnAnswer addTurn(const EndOfMessageQuestion::Row& row, std::uint64_t client, Second now);
    CopyAnswer addCopy(const EndOfMessageQuestion::Copy& copy, std::uint64_t client, Second now);
    std::optional<PostState> notePost(const EndOfMessageQuestion::Message& message,
                                      const EndOfMessageQuestion::Post& post, std::uint64_t client,
                                      Second now);

    Shards shards_;
    Locked<StoreBooks> books_;
};

std::optional<KnownLink> MemoryStore::remember(const EndOfMessageQuestion::Message& message,
                                               std::uint64_t client, Second now) {
    auto shard = shardOf(message.key).lock();
    const auto known = knownLink(shard->links.find(message.key, now), now);
    if (!known || known->link.author != message.link.author)
        shard->links.put(message.key, client, now, lengthOf(message.lifetime)).value = message.link;
    return known;
}

TurnAnswer MemoryStore::addTurn(const EndOfMessageQuestion::Row& row, std::uint64_t client,
                                Second now) {
    auto shard = shardOf(row.key).lock();
    const auto* const known = shard->rows.find(row.key, now);
    const seconds age = known == nullptr ? seconds::zero() : ageAt(known->seen, now);
    TurnState state = known == nullptr ? TurnState() : known->value;
    const bool retry = isRetry(state, row.turn);
    const TurnAnswer answer = advance(state, row.turn, age);
    if (!retry)
        shard->rows.put(row.key, client, now, lengthOf(row.lifetime)).value = state;
    return answer;
}

CopyAnswer MemoryStore::addCopy(const EndOfMessageQuestion::Copy& copy, std::uint64_t client,
                                Second now) {
    auto shard = shardOf(copy.key).lock();
    const auto* const known = shard->copies.find(copy.key, now);
    const seconds age = known == nullptr ? seconds::zero() : ageAt(known->seen, now);
    return advance(shard->copies.put(copy.key, client, now, lengthOf(copy.lifetime)).value, age);
}

std::optional<PostState> MemoryStore::notePost(const EndOfMessageQuestion::Message& message,
                                               const EndOfMessageQuestion::Post& post,
                                               std::uint64_t client, Second now) {
    const StoreKey key = postKey(message.key, post.list);
    auto shard = shardOf(key).lock();
    if (const auto* const known = shard->posts.find(key, now))
        return known->value;
    shard->posts.put(key, client, now, lengthOf(message.lifetime)).value = post.state;
    return std::nullopt;
}

std::optional<EndOfMessageAnswer> MemoryStore::endOfMessage(const EndOfMessageQuestion& question,
                                                            SteadyTime now) noexcept {
    return answered([&] {
        const Second second = secondAt(now);
        const std::uint64_t client = question.client;
        EndOfMessageAnswer answer;
        if (question.message)
            answer.known = remember(*question.message, client, second);
        if (question.row)
            answer.row = addTurn(*question.row, client, second);
        if (question.copy)
            answer.copy = addCopy(*question.copy, client, second);
        const std::size_t posts = std::min(question.posts.size(), EndOfMessageQuestion::maxPosts);
        for (std::size_t post = 0; question.message && post < posts; ++post)
            answer.posts.push_back(
                notePost(*question.message, question.posts[post], client, second));
        return answer;
    });
}

std::optional<std::vector<std::optional<KnownLink>>>
MemoryStore::findMessages(const std::vector<StoreKey>& messages, SteadyTime now) noexcept {
    return answered([&] {
        std::vector<std::optional<KnownLink>> found;
        found.reserve(messages.size());
        for (const StoreKey& key : messages)
            found.push_back(
                knownLink(shardOf(key).lock()->links.find(key, secondAt(now)), secondAt(now)));
        return found;
    });
}

bool MemoryStore::withdrawCopy(const StoreKey& copy, SteadyTime now) noexcept {
    return answered([&] {
               auto shard = shardOf(copy).lock();
               if (auto* const known = shard->copies.find(copy, secondAt(now))) {
                   CopyState& state = known->value;
                   state.copies -= state.copies > 0 ? 1U : 0U;
                   if (state.copies == 0)
                       shard->copies.erase(copy);
               }
               return true;
           })
        .has_value();
}

bool MemoryStore::noteLostAcknowledgement(const StoreKey& copy, SteadyTime now) noexcept {
    return answered([&] {
               auto shard = shardOf(copy).lock();
               if (auto* const known = shard->copies.find(copy, secondAt(now)))
                   if (known->value.lost < std::numeric_limits<std::uint16_t>::max())
                       ++known->value.lost;
               return true;
           })
        .has_value();
}

} // namespace

std::shared_ptr<Store> makeMemoryStore(const MemoryStoreSettings& settings) {
    return std::make_shared<MemoryStore>(settings);
}

} // namespace sluice
