// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

struct redisReply;

namespace sluice {

/// A value that Redis answered; a view of a RedisReply. Whatever does not fit what is asked for is
/// nothing: a server may answer anything.
class RedisValue {
public:
    explicit RedisValue(const redisReply* reply) : reply_(reply) {}

    [[nodiscard]] bool isNil() const;
    /// The text of an error: `READONLY You can't write …`.
    [[nodiscard]] std::optional<std::string_view> error() const;
    [[nodiscard]] std::optional<std::int64_t> integer() const;
    /// Of a string or a status.
    [[nodiscard]] std::optional<std::string_view> text() const;
    /// Of an array; of anything else 0.
    [[nodiscard]] std::size_t size() const;
    /// Nil beyond the end.
    [[nodiscard]] RedisValue operator[](std::size_t index) const;

private:
    const redisReply* reply_; ///< null: nil
};

/// Owns an answer.
class RedisReply {
public:
    explicit RedisReply(redisReply* reply) : reply_(reply) {}
    [[nodiscard]] RedisValue value() const { return RedisValue(reply_.get()); }

private:
    struct Free {
        void operator()(redisReply* reply) const;
    };
    std::unique_ptr<redisReply, Free> reply_;
};

} // namespace sluice
