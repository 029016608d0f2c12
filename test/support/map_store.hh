// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/store.hh"

#include <algorithm>
#include <map>
#include <utility>

namespace sluice::test {

/// The simplest store that does what a store must for messages: no bounds, no threads. Set `down`,
/// and it is out of reach.
class MapStore : public Store {
public:
    bool down = false;
    int trips = 0; ///< calls of endOfMessage() and findMessages()

    std::optional<EndOfMessageAnswer> endOfMessage(const EndOfMessageQuestion& question,
                                                   SteadyTime now) noexcept override {
        ++trips;
        if (down)
            return std::nullopt;
        EndOfMessageAnswer answer;
        if (question.message) {
            answer.known = known(question.message->key, now);
            if (!answer.known || answer.known->link.author != question.message->link.author)
                put(links_, question.message->key, question.message->link,
                    question.message->lifetime, now);
        }
        if (question.row)
            answer.row = addTurn(*question.row, now);
        if (question.copy) {
            const auto* const before = find(copies_, question.copy->key, now);
            CopyState state = before == nullptr ? CopyState() : before->value;
            answer.copy = advance(state, before == nullptr ? zero : ageOf(before->seen, now));
            put(copies_, question.copy->key, state, question.copy->lifetime, now);
        }
        for (const auto& post : question.posts) {
            const StoreKey key{question.message->key.high ^ post.list.high,
                               question.message->key.low ^ post.list.low};
            const auto* const before = find(posts_, key, now);
            answer.posts.push_back(before == nullptr ? std::nullopt : std::optional(before->value));
            if (before == nullptr)
                put(posts_, key, post.state, question.message->lifetime, now);
        }
        return answer;
    }

    std::optional<std::vector<std::optional<KnownLink>>>
    findMessages(const std::vector<StoreKey>& messages, SteadyTime now) noexcept override {
        ++trips;
        if (down)
            return std::nullopt;
        std::vector<std::optional<KnownLink>> found;
        found.reserve(messages.size());
        for (const StoreKey& key : messages)
            found.push_back(known(key, now));
        return found;
    }

    bool withdrawCopy(const StoreKey& copy, SteadyTime /*now*/) noexcept override {
        const auto found = copies_.find(pair(copy));
        if (!down && found != copies_.end() && --found->second.value.copies == 0)
            copies_.erase(found);
        return !down;
    }
    bool noteLostAcknowledgement(const StoreKey& copy, SteadyTime /*now*/) noexcept override {
        const auto found = copies_.find(pair(copy));
        if (!down && found != copies_.end())
            ++found->second.value.lost;
        return !down;
    }

    // the operator's books are none of a message's business
    std::optional<bool> claimNotice(const StoreKey&, SteadyTime) noexcept override { return {}; }
    std::optional<CutCount> countCut(const Cut&, SteadyTime) noexcept override { return {}; }
    std::optional<Block> block(const StoreKey&, const std::string&, SteadyTime) noexcept override {
        return {};
    }
    std::optional<std::vector<Block>> blocks(SteadyTime) noexcept override { return {}; }
    bool countBounce(const StoreKey&, const std::string&, SteadyTime) noexcept override {
        return false;
    }
    std::optional<bool> addEntry(Book, const StoreKey&, const std::string&, std::chrono::seconds,
                                 SteadyTime) noexcept override {
        return {};
    }
    std::optional<std::vector<StoreEntry>> list(Book, SteadyTime) noexcept override { return {}; }
    std::optional<std::size_t> clear(Book, const std::optional<StoreKey>&,
                                     SteadyTime) noexcept override {
        return {};
    }

private:
    using Pair = std::pair<std::uint64_t, std::uint64_t>;
    template<typename Value>
    struct Kept {
        Value value;
        SteadyTime seen;
        SteadyTime until;
    };
    template<typename Value>
    using Map = std::map<Pair, Kept<Value>>;

    static constexpr std::chrono::seconds zero{0};

    static Pair pair(const StoreKey& key) { return {key.high, key.low}; }
    static std::chrono::seconds ageOf(SteadyTime then, SteadyTime now) {
        return std::chrono::duration_cast<std::chrono::seconds>(now - then);
    }
    template<typename Value>
    static const Kept<Value>* find(const Map<Value>& map, const StoreKey& key, SteadyTime now) {
        const auto found = map.find(pair(key));
        return found == map.end() || found->second.until <= now ? nullptr : &found->second;
    }
    template<typename Value>
    static void put(Map<Value>& map, const StoreKey& key, const Value& value,
                    std::chrono::seconds lifetime, SteadyTime now) {
        map[pair(key)] = {value, now, now + lifetime};
    }

    std::optional<KnownLink> known(const StoreKey& key, SteadyTime now) const {
        const auto* const found = find(links_, key, now);
        if (found == nullptr)
            return std::nullopt;
        return KnownLink{found->value, ageOf(found->seen, now)};
    }
    TurnAnswer addTurn(const EndOfMessageQuestion::Row& row, SteadyTime now) {
        const auto* const before = find(rows_, row.key, now);
        TurnState state = before == nullptr ? TurnState() : before->value;
        const bool retry = isRetry(state, row.turn);
        const auto answer =
            advance(state, row.turn, before == nullptr ? zero : ageOf(before->seen, now));
        if (!retry)
            put(rows_, row.key, state, row.lifetime, now);
        return answer;
    }

    Map<ChainLink> links_;
    Map<TurnState> rows_;
    Map<CopyState> copies_;
    Map<PostState> posts_;
};

} // namespace sluice::test
