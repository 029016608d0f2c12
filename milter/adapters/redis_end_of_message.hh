// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/redis_client.hh"
#include "milter/adapters/redis_reply.hh"
#include "milter/policy/store.hh"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sluice::redis {

/// The commands that ask a question about a whole message, and the answer that the replies make.
///
/// Most messages have no past: a plain command a key sets what is new, and needs no script, which
/// takes Redis ten times as long. For what is known already, a script a key goes on.
class EndOfMessage {
public:
    using KeyOf = std::function<std::string(char kind, const StoreKey& key)>;

    /// `question` outlives it.
    EndOfMessage(const EndOfMessageQuestion& question, const KeyOf& keyOf);

    /// Each sets one key if that is new; else it answers what is there.
    [[nodiscard]] std::vector<RedisCommand> setNew() const;
    /// Their replies. What was new is done with.
    void takeNew(const std::vector<RedisReply>& replies);

    /// For what is left. None: the answer is complete.
    [[nodiscard]] std::vector<RedisCommand> goOn() const;
    /// Their replies. The number of one that is no such answer, or nothing.
    std::optional<std::size_t> take(const std::vector<RedisReply>& replies);

    [[nodiscard]] const EndOfMessageAnswer& answer() const { return answer_; }

private:
    enum class Kind { message, row, copy };
    struct Part {
        Kind kind;
        std::string key;
    };
    using CommandOf = RedisCommand (EndOfMessage::*)(const Part& part) const;
    [[nodiscard]] std::vector<RedisCommand> ofEach(CommandOf commandOf) const;
    [[nodiscard]] RedisCommand setPart(const Part& part) const;
    [[nodiscard]] RedisCommand goOnWithPart(const Part& part) const;
    bool take(const Part& part, RedisValue value);
    bool takeMessage(RedisValue value);

    const EndOfMessageQuestion& question_;
    std::vector<Part> parts_;   ///< that are not answered
    EndOfMessageAnswer answer_; ///< begins as what is true if all of them are new
};

} // namespace sluice::redis
