// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/redis_end_of_message.hh"

#include "milter/adapters/redis_records.hh"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

namespace sluice::redis {
namespace {

using std::chrono::seconds;

constexpr std::size_t mostParts = 3;

std::string text(seconds time) {
    return std::to_string(time.count());
}

std::span<const EndOfMessageQuestion::Post> postsOf(const EndOfMessageQuestion& question) {
    return {question.posts.data(), std::min(question.posts.size(), EndOfMessageQuestion::maxPosts)};
}

RedisCommand setIfNew(const std::string& key, std::string value, seconds lifetime) {
    return {nullptr, {"SET", key, std::move(value), "EX", text(lifetime), "NX", "GET"}};
}

RedisCommand rememberMessage(const std::string& key, const EndOfMessageQuestion& question) {
    RedisCommand command{&RedisScripts::get().rememberMessage,
                         {key, octets(question.message->link), text(question.message->lifetime)}};
    for (const EndOfMessageQuestion::Post& post : postsOf(question)) {
        command.words.push_back(octets(post.list));
        command.words.push_back(octets(post.state));
    }
    return command;
}

RedisCommand addTurn(const std::string& key, const EndOfMessageQuestion::Row& row) {
    RedisCommand command{&RedisScripts::get().addTurn, {key}};
    for (std::string& argument : turnArguments(row))
        command.words.push_back(std::move(argument));
    return command;
}

template<typename Value>
bool takeInto(Value& into, std::optional<Value> answer) {
    if (!answer)
        return false;
    into = *std::move(answer);
    return true;
}

} // namespace

EndOfMessage::EndOfMessage(const EndOfMessageQuestion& question, const KeyOf& keyOf)
    : question_(question) {
    parts_.reserve(mostParts);
    if (question.message) {
        answer_.posts.resize(postsOf(question).size());
        parts_.push_back({Kind::message, keyOf('i', question.message->key)});
    }
    if (question.row) {
        TurnState state;
        answer_.row = advance(state, question.row->turn, seconds(0));
        parts_.push_back({Kind::row, keyOf('r', question.row->key)});
    }
    if (question.copy) {
        CopyState state;
        answer_.copy = advance(state, seconds(0));
        parts_.push_back({Kind::copy, keyOf('c', question.copy->key)});
    }
}

std::vector<RedisCommand> EndOfMessage::ofEach(CommandOf commandOf) const {
    std::vector<RedisCommand> commands;
    commands.reserve(parts_.size());
    for (const Part& part : parts_)
        commands.push_back((this->*commandOf)(part));
    return commands;
}

std::vector<RedisCommand> EndOfMessage::setNew() const {
    return ofEach(&EndOfMessage::setPart);
}

RedisCommand EndOfMessage::setPart(const Part& part) const {
    switch (part.kind) {
    case Kind::message:
        return setIfNew(part.key, octets(*question_.message, postsOf(question_)),
                        question_.message->lifetime);
    case Kind::row: {
        TurnState state;
        advance(state, question_.row->turn, seconds(0));
        return setIfNew(part.key, octets(state, question_.row->lifetime), question_.row->lifetime);
    }
    case Kind::copy:
        break;
    }
    CopyState state;
    advance(state, seconds(0));
    return setIfNew(part.key, octets(state, question_.copy->lifetime), question_.copy->lifetime);
}

void EndOfMessage::takeNew(const std::vector<RedisReply>& replies) {
    auto reply = replies.begin();
    std::erase_if(parts_, [&](const Part&) { return (reply++)->value().isNil(); });
}

std::vector<RedisCommand> EndOfMessage::goOn() const {
    return ofEach(&EndOfMessage::goOnWithPart);
}

RedisCommand EndOfMessage::goOnWithPart(const Part& part) const {
    switch (part.kind) {
    case Kind::message:
        return rememberMessage(part.key, question_);
    case Kind::row:
        return addTurn(part.key, *question_.row);
    case Kind::copy:
        break;
    }
    return {&RedisScripts::get().addCopy, {part.key, text(question_.copy->lifetime)}};
}

std::optional<std::size_t> EndOfMessage::take(const std::vector<RedisReply>& replies) {
    for (std::size_t i = 0; i < parts_.size(); ++i)
        if (!take(parts_[i], replies[i].value()))
            return i;
    return std::nullopt;
}

bool EndOfMessage::take(const Part& part, RedisValue value) {
    switch (part.kind) {
    case Kind::message:
        return takeMessage(value);
    case Kind::row:
        return takeInto(answer_.row, turnAnswer(value));
    case Kind::copy:
        break;
    }
    return takeInto(answer_.copy, copyAnswer(value));
}

bool EndOfMessage::takeMessage(RedisValue value) {
    if (value.size() != 2 + answer_.posts.size())
        return false;
    answer_.known = knownLink(value[0], value[1]);
    for (std::size_t post = 0; post < answer_.posts.size(); ++post)
        if (const auto octets = value[2 + post].text())
            answer_.posts[post] = postState(*octets);
    return true;
}

} // namespace sluice::redis
