// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/redis_reply.hh"

#include <hiredis/hiredis.h>

namespace sluice {

bool RedisValue::isNil() const {
    return reply_ == nullptr || reply_->type == REDIS_REPLY_NIL;
}

std::optional<std::string_view> RedisValue::error() const {
    if (reply_ == nullptr || reply_->type != REDIS_REPLY_ERROR)
        return std::nullopt;
    return std::string_view(reply_->str, reply_->len);
}

std::optional<std::int64_t> RedisValue::integer() const {
    if (reply_ == nullptr || reply_->type != REDIS_REPLY_INTEGER)
        return std::nullopt;
    return reply_->integer;
}

std::optional<std::string_view> RedisValue::text() const {
    if (reply_ == nullptr ||
        (reply_->type != REDIS_REPLY_STRING && reply_->type != REDIS_REPLY_STATUS))
        return std::nullopt;
    return std::string_view(reply_->str, reply_->len);
}

std::size_t RedisValue::size() const {
    return reply_ != nullptr && reply_->type == REDIS_REPLY_ARRAY ? reply_->elements : 0;
}

RedisValue RedisValue::operator[](std::size_t index) const {
    return RedisValue(index < size() ? reply_->element[index] : nullptr);
}

void RedisReply::Free::operator()(redisReply* reply) const {
    freeReplyObject(reply);
}

} // namespace sluice
