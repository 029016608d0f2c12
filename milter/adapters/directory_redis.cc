// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/directory_redis.hh"

#include "common/log.hh"
#include "common/text.hh"

#include <exception>
#include <utility>

namespace sluice {

using std::chrono::steady_clock;

RedisDirectory::RedisDirectory(std::shared_ptr<RedisClient> client, std::string key)
    : client_(std::move(client)), key_(std::move(key)) {}

Directory::Answer RedisDirectory::find(const MailAddress& address) noexcept {
    try {
        return ask(address.key());
    } catch (const std::exception&) {
        return Answer::unavailable; // no memory
    }
}

Directory::Answer RedisDirectory::ask(const std::string& address) {
    const SteadyTime now = steady_clock::now();
    const auto replies = client_->run({{&RedisScripts::get().findMember, {key_, address}}},
                                      now + client_->settings().timeout);
    constexpr std::int64_t noAnswer = -2;
    const std::int64_t found =
        replies ? replies->front().value().integer().value_or(noAnswer) : noAnswer;
    if (found == 1) {
        known_.remember(address, now);
        return Answer::known;
    }
    if (found != 0)
        complain(replies ? "there is no such set" : replies.error().message);
    if (found == 0) {
        known_.forget(address);
        return Answer::unknown;
    }
    return known_.holds(address, now) ? Answer::known : Answer::unavailable;
}

void RedisDirectory::complain(const std::string& why) {
    const auto minute =
        std::chrono::duration_cast<std::chrono::minutes>(steady_clock::now().time_since_epoch());
    if (complained_.exchange(minute.count()) != minute.count())
        log::warning(LogCategory::directory, "redis:{}: {}; who was known lately is known",
                     escapeForDisplay(key_), why);
}

} // namespace sluice
