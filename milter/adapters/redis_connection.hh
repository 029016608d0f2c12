// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/adapters/redis_reply.hh"
#include "milter/adapters/redis_settings.hh"
#include "milter/policy/time_point.hh"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct redisContext;

namespace sluice {

/// A command, word by word; any octets.
using RedisWords = std::vector<std::string_view>;

/// A connection to one server. Every call ends at its deadline. After an error it is broken for
/// good: a late answer would be taken for that of another command. One thread at a time.
class RedisConnection {
public:
    /// Connects and logs in; chooses `database` when that is not 0. Error: also a refused login.
    static Result<std::unique_ptr<RedisConnection>> open(const RedisEndpoint& endpoint,
                                                         const RedisLogin& login, unsigned database,
                                                         bool tls, SteadyTime deadline);
    ~RedisConnection();
    RedisConnection(const RedisConnection&) = delete;
    RedisConnection& operator=(const RedisConnection&) = delete;

    /// Puts a command behind those that wait for flush().
    Result<void> append(const RedisWords& words);
    Result<void> flush(SteadyTime deadline);
    /// The answers to the next `count` commands.
    Result<std::vector<RedisReply>> receive(std::size_t count, SteadyTime deadline);

    /// One command and its answer. Error: also an answer that is one.
    Result<RedisReply> ask(const RedisWords& words, SteadyTime deadline);

    /// Nothing is on its way: it may be kept for the next user.
    [[nodiscard]] bool settled() const;
    /// Besides, the server has not closed it nor sent anything: it may be used again.
    [[nodiscard]] bool reusable() const;

private:
    struct Free {
        void operator()(redisContext* context) const;
    };
    explicit RedisConnection(redisContext* context);
    Result<void> finishConnecting(SteadyTime deadline);
    Result<void> secure(const RedisEndpoint& endpoint);
    Result<void> logIn(const RedisLogin& login, unsigned database, SteadyTime deadline);
    Result<void> waitFor(short events, SteadyTime deadline);
    tl::unexpected<Error> broken(std::string_view doing);

    std::unique_ptr<redisContext, Free> context_;
    std::size_t awaited_ = 0; ///< answers
    bool tls_ = false;
    bool broken_ = false;
};

} // namespace sluice
