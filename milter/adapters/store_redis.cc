// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/store_redis.hh"

#include "common/text.hh"
#include "milter/adapters/book_entries.hh"
#include "milter/adapters/redis_end_of_message.hh"
#include "milter/adapters/redis_records.hh"

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <utility>

namespace sluice {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds operatorPatience{2};
/// Of all that is asked for one message as many may take all of their time.
constexpr int operationsWaited = 2;
/// Every node reads a book whenever it has changed.
constexpr std::size_t maxBookEntries = 2000;
constexpr std::size_t maxLoopsOfClient = 255;
constexpr std::size_t commandsAtOnce = 500;

const RedisScripts& scripts() {
    return RedisScripts::get();
}

std::string text(seconds time) {
    return std::to_string(time.count());
}

template<typename Question>
auto answered(Question&& question) noexcept -> decltype(question()) {
    try {
        return question();
    } catch (const std::exception&) {
        return {}; // no memory
    }
}

seconds between(std::int64_t earlier, std::int64_t later) {
    return seconds(std::max<std::int64_t>(later - earlier, 0));
}

} // namespace

RedisStore::RedisStore(RedisSettings settings, TextSeal seal)
    : client_(std::move(settings)), seal_(std::make_shared<const TextSeal>(std::move(seal))) {}

void RedisStore::setSeal(TextSeal seal) {
    seal_.set(std::make_shared<const TextSeal>(std::move(seal)));
    books_.lock()->clear(); // what could not be read may be now
}

std::string RedisStore::keyOf(char kind, const StoreKey& key) const {
    return client_.settings().prefix + kind + ':' + redis::hexadecimal(key);
}

std::string RedisStore::bookKey(Book book) const {
    const char* name = "";
    switch (book) {
    case Book::loops:
        name = "loops";
        break;
    case Book::blocks:
        name = "blocks";
        break;
    case Book::bounces:
        name = "bounces";
        break;
    case Book::allowed:
        name = "allowed";
        break;
    case Book::denied:
        name = "denied";
        break;
    }
    return client_.settings().prefix + "book:" + name;
}

std::string RedisStore::sealed(const std::string& label) const {
    return seal_.get()->seal(boundedLabel(label));
}

std::string RedisStore::opened(std::string_view sealed) const {
    return seal_.get()->open(sealed).value_or("(sealed with another key)");
}

std::optional<std::vector<RedisReply>> RedisStore::run(const std::vector<RedisCommand>& commands,
                                                       std::chrono::milliseconds patience) {
    auto replies = client_.run(commands, steady_clock::now() + patience);
    if (!replies)
        return std::nullopt;
    return *std::move(replies);
}

std::optional<std::vector<RedisReply>> RedisStore::run(const std::vector<RedisCommand>& commands,
                                                       SteadyTime asked) {
    const auto now = steady_clock::now();
    const auto own = now + client_.settings().timeout;
    const auto ofAll = asked + operationsWaited * client_.settings().timeout;
    if (ofAll <= now)
        return std::nullopt;
    auto replies = client_.run(commands, std::min(own, ofAll),
                               own <= ofAll ? RedisNode::Asking::work : RedisNode::Asking::hurry);
    if (!replies)
        return std::nullopt;
    return *std::move(replies);
}

bool RedisStore::runAlone(RedisCommand command, SteadyTime now) {
    const auto replies = run({std::move(command)}, now);
    return replies && !replies->front().value().error();
}

std::nullopt_t RedisStore::odd(const RedisCommand& command) {
    client_.distrust(command.key());
    return std::nullopt;
}

// --- messages -----------------------------------------------------------------------------------

std::optional<EndOfMessageAnswer> RedisStore::endOfMessage(const EndOfMessageQuestion& question,
                                                           SteadyTime now) noexcept {
    return answered([&]() -> std::optional<EndOfMessageAnswer> {
        redis::EndOfMessage message(
            question, [this](char kind, const StoreKey& key) { return keyOf(kind, key); });
        if (!question.searched) {
            const auto replies = run(message.setNew(), now);
            if (!replies)
                return std::nullopt;
            message.takeNew(*replies);
        }
        const std::vector<RedisCommand> commands = message.goOn();
        if (!commands.empty()) {
            const auto replies = run(commands, now);
            if (!replies)
                return std::nullopt;
            if (const auto wrong = message.take(*replies))
                return odd(commands[*wrong]);
        }
        return message.answer();
    });
}

std::optional<std::vector<std::optional<KnownLink>>>
RedisStore::findMessages(const std::vector<StoreKey>& messages, SteadyTime now) noexcept {
    return answered([&]() -> std::optional<std::vector<std::optional<KnownLink>>> {
        std::vector<RedisCommand> commands;
        commands.reserve(2 * messages.size());
        for (const StoreKey& key : messages) {
            commands.push_back({nullptr, {"GET", keyOf('i', key)}});
            commands.push_back({nullptr, {"PTTL", keyOf('i', key)}});
        }
        const auto replies = run(commands, now);
        if (!replies)
            return std::nullopt;
        std::vector<std::optional<KnownLink>> found;
        found.reserve(messages.size());
        for (std::size_t i = 0; i < replies->size(); i += 2) {
            const RedisValue message = (*replies)[i].value();
            const RedisValue left = (*replies)[i + 1].value();
            if (!left.integer() || !(message.isNil() || message.text()))
                return odd(commands[i]);
            found.push_back(redis::knownMessage(message, left));
        }
        return found;
    });
}

bool RedisStore::withdrawCopy(const StoreKey& copy, SteadyTime now) noexcept {
    return answered([&] { return runAlone({&scripts().withdrawCopy, {keyOf('c', copy)}}, now); });
}

bool RedisStore::noteLostAcknowledgement(const StoreKey& copy, SteadyTime now) noexcept {
    return answered([&] {
        return runAlone({&scripts().noteLostAcknowledgement, {keyOf('c', copy)}}, now);
    });
}

// --- loops --------------------------------------------------------------------------------------

std::optional<bool> RedisStore::claimNotice(const StoreKey& loop, SteadyTime now) noexcept {
    return answered([&]() -> std::optional<bool> {
        const RedisCommand command{nullptr,
                                   {"SET", keyOf('n', loop), "1", "NX", "EX", text(cutWindow)}};
        const auto replies = run({command}, now);
        if (!replies)
            return std::nullopt;
        const RedisValue value = replies->front().value();
        if (!value.isNil() && value.text() != "OK")
            return odd(command);
        return !value.isNil();
    });
}

RedisCommand RedisStore::countEntry(Book book, const StoreKey& key, const std::string& label,
                                    const std::string& companion, seconds lifetime) const {
    return {&scripts().countEntry,
            {bookKey(book), redis::octets(key), sealed(label), companion, text(lifetime),
             std::to_string(maxBookEntries)}};
}

std::optional<CutCount> RedisStore::countCut(const Cut& cut, SteadyTime now) noexcept {
    return answered([&]() -> std::optional<CutCount> {
        const std::vector<RedisCommand> commands{
            countEntry(Book::loops, cut.loop, cut.label, redis::octets(cut.client), loopLifetime),
            {&scripts().countInWindow, {keyOf('w', cut.loop), text(cutWindow)}},
            {&scripts().countLoop,
             {keyOf('k', cut.client), redis::octets(cut.loop), text(cutWindow),
              std::to_string(maxLoopsOfClient)}}};
        const auto replies = run(commands, now);
        if (!replies)
            return std::nullopt;
        const auto ofLoop = (*replies)[1].value().integer();
        const auto loopsOfClient = (*replies)[2].value().integer();
        if ((*replies)[0].value().error())
            return std::nullopt;
        if (!ofLoop || !loopsOfClient)
            return odd(commands[ofLoop ? 2 : 1]);
        return CutCount{static_cast<std::uint32_t>(*ofLoop),
                        static_cast<std::uint32_t>(*loopsOfClient)};
    });
}

std::optional<Block> RedisStore::block(const StoreKey& key, const std::string& label,
                                       SteadyTime now) noexcept {
    return answered([&]() -> std::optional<Block> {
        const RedisCommand command{&scripts().block,
                                   {bookKey(Book::blocks), redis::octets(key), sealed(label),
                                    text(firstBlock), text(longestBlock), text(cutWindow),
                                    std::to_string(maxBookEntries)}};
        const auto replies = run({command}, now);
        if (!replies)
            return std::nullopt;
        const RedisValue value = replies->front().value();
        const auto remaining = value[0].integer();
        const auto length = value[1].integer();
        if (!remaining || !length)
            return odd(command);
        return Block{key, seconds(*remaining), seconds(*length),
                     opened(value[2].text().value_or(""))};
    });
}

std::optional<std::vector<Block>> RedisStore::blocks(SteadyTime /*now*/) noexcept {
    return answered([&]() -> std::optional<std::vector<Block>> {
        std::vector<Block> found;
        // no mail waits for it
        const auto deadline = steady_clock::now() + operatorPatience;
        const bool known = eachLine(Book::blocks, deadline, [&](const Line& line, auto now) {
            if (now < line.times.ends)
                found.push_back({line.key, between(now, line.times.ends),
                                 seconds(line.times.length), line.label});
        });
        return known ? std::optional(std::move(found)) : std::nullopt;
    });
}

bool RedisStore::countBounce(const StoreKey& member, const std::string& label,
                             SteadyTime now) noexcept {
    return answered([&] {
        return runAlone(
            countEntry(Book::bounces, member, label, redis::octets(StoreKey()), bounceLifetime),
            now);
    });
}

// --- the operator -------------------------------------------------------------------------------

bool RedisStore::eachLine(Book book, SteadyTime deadline,
                          const std::function<void(const Line&, std::int64_t)>& use) {
    std::string version = books_.lock()->operator[](book).version;
    const RedisCommand command{&scripts().listEntries, {bookKey(book), version}};
    const auto replies = client_.run({command}, deadline);
    if (!replies)
        return false;
    const RedisValue answer = replies->front().value();
    const auto now = parseUnsigned(answer[0].text().value_or(""));
    if (!now) {
        odd(command);
        return false;
    }
    const std::string found(answer[1].text().value_or(""));
    std::vector<Line> lines;
    for (std::size_t at = 2; at + 1 < answer.size(); at += 2) {
        const auto key = redis::storeKey(answer[at].text().value_or(""));
        auto entry = redis::bookEntry(answer[at + 1].text().value_or(""));
        if (!key || !entry)
            continue;
        lines.push_back({*key, opened(entry->label), *entry});
        lines.back().times.label = {};
    }
    auto books = books_.lock();
    ReadBook& read = (*books)[book];
    if (found != version || found.empty())
        read = {found, std::move(lines)};
    else if (read.version != version)
        return false; // forgotten or read anew meanwhile: the next time
    for (const Line& line : read.lines)
        use(line, static_cast<std::int64_t>(*now));
    return true;
}

std::optional<bool> RedisStore::addEntry(Book book, const StoreKey& key, const std::string& label,
                                         seconds lifetime, SteadyTime /*now*/) noexcept {
    return answered([&]() -> std::optional<bool> {
        const RedisCommand command{&scripts().putEntry,
                                   {bookKey(book), redis::octets(key), sealed(label),
                                    text(lifetime), std::to_string(maxBookEntries)}};
        const auto replies = run({command}, operatorPatience);
        if (!replies)
            return std::nullopt;
        const auto put = replies->front().value().integer();
        return put ? std::optional(*put == 1) : odd(command);
    });
}

std::optional<std::vector<StoreEntry>> RedisStore::list(Book book, SteadyTime /*now*/) noexcept {
    return answered([&]() -> std::optional<std::vector<StoreEntry>> {
        std::vector<StoreEntry> found;
        const bool known =
            eachLine(book, steady_clock::now() + operatorPatience, [&](const Line& line, auto now) {
                const redis::BookEntry& times = line.times;
                const std::uint32_t end = book == Book::blocks ? times.ends : times.until;
                if (now < end)
                    found.push_back({line.key, line.label, times.count, between(times.first, now),
                                     between(times.last, now), between(now, end)});
            });
        if (!known)
            return std::nullopt;
        sortAndBound(found);
        return found;
    });
}

std::optional<std::size_t> RedisStore::clear(Book book, const std::optional<StoreKey>& key,
                                             SteadyTime /*now*/) noexcept {
    return answered([&]() -> std::optional<std::size_t> {
        RedisCommand command{&scripts().forgetEntries, {bookKey(book)}};
        if (key)
            command.words.push_back(redis::octets(*key));
        const auto replies = run({std::move(command)}, operatorPatience);
        if (!replies)
            return std::nullopt;
        const RedisValue forgotten = replies->front().value();
        if (forgotten.error())
            return std::nullopt;
        if (book != Book::loops)
            return forgotten.size() / 2;
        std::vector<RedisCommand> traces;
        for (std::size_t at = 0; at + 1 < forgotten.size(); at += 2) {
            const auto loop = redis::storeKey(forgotten[at].text().value_or(""));
            const auto client = redis::storeKey(forgotten[at + 1].text().value_or(""));
            if (!loop || !client)
                continue;
            traces.push_back({nullptr, {"DEL", keyOf('n', *loop)}});
            traces.push_back({nullptr, {"DEL", keyOf('w', *loop)}});
            traces.push_back({nullptr, {"HDEL", keyOf('k', *client), redis::octets(*loop)}});
        }
        forgetTraces(traces);
        return forgotten.size() / 2;
    });
}

/// A loop is forgotten with its notice, its window, and for its client.
void RedisStore::forgetTraces(const std::vector<RedisCommand>& commands) {
    for (std::size_t from = 0; from < commands.size(); from += commandsAtOnce) {
        const auto begin = commands.begin() + static_cast<std::ptrdiff_t>(from);
        const auto count = std::min(commandsAtOnce, commands.size() - from);
        run({begin, begin + static_cast<std::ptrdiff_t>(count)}, operatorPatience);
    }
}

} // namespace sluice
