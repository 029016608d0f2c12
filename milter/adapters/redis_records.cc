// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/redis_records.hh"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace sluice::redis {
namespace {

using std::chrono::seconds;

constexpr std::size_t octetsOfTag = 8;
constexpr std::size_t octetsOfLink = 2 * octetsOfTag + templatesKept * octetsOfTag + 3;
constexpr std::size_t octetsOfPost = 4 + octetsOfTag;
constexpr std::size_t octetsOfKey = 2 * octetsOfTag;
constexpr std::size_t octetsOfTimes = 4 + 4; ///< before a link

void append(std::string& text, std::uint64_t number, unsigned octetCount) {
    for (unsigned octet = octetCount; octet > 0; --octet)
        text += static_cast<char>((number >> (8 * (octet - 1))) & 0xFFU);
}

/// Takes numbers off the front.
class Octets {
public:
    explicit Octets(std::string_view text) : left_(text) {}

    template<typename Number>
    Number take() {
        Number number = 0;
        for (std::size_t octet = 0; octet < sizeof(Number) && octet < left_.size(); ++octet)
            number = static_cast<Number>((static_cast<std::uint64_t>(number) << 8U) |
                                         static_cast<unsigned char>(left_[octet]));
        left_.remove_prefix(std::min(sizeof(Number), left_.size()));
        return number;
    }
    void skip(std::size_t octets) { left_.remove_prefix(std::min(octets, left_.size())); }
    [[nodiscard]] std::string_view rest() const { return left_; }

private:
    std::string_view left_;
};

void append(std::string& text, const Templates& templates) {
    for (const std::uint64_t each : templates)
        append(text, each, octetsOfTag);
}

unsigned flag(bool set, unsigned value) {
    return set ? value : 0;
}

unsigned flagsOf(const TurnAnswer& answer) {
    return flag(answer.repeated, 1) | flag(answer.otherRepeated, 2) |
           flag(answer.chainAutomatic, 4) | flag(answer.otherAutomatic, 8) | flag(answer.again, 16);
}

std::uint64_t secondsOf(seconds time) {
    return static_cast<std::uint64_t>(std::max<seconds::rep>(time.count(), 0));
}

template<typename Number>
std::optional<Number> numberOf(RedisValue value) {
    const auto number = value.integer();
    if (!number || *number < 0 ||
        static_cast<std::uint64_t>(*number) > std::numeric_limits<Number>::max())
        return std::nullopt;
    return static_cast<Number>(*number);
}

} // namespace

std::string octets(std::uint64_t number) {
    std::string text;
    append(text, number, octetsOfTag);
    return text;
}

std::string octets(const StoreKey& key) {
    std::string text;
    append(text, key.high, octetsOfTag);
    append(text, key.low, octetsOfTag);
    return text;
}

std::optional<StoreKey> storeKey(std::string_view octets) {
    if (octets.size() != octetsOfKey)
        return std::nullopt;
    Octets reader(octets);
    StoreKey key;
    key.high = reader.take<std::uint64_t>();
    key.low = reader.take<std::uint64_t>();
    return key;
}

std::string hexadecimal(const StoreKey& key) {
    return fmt::format("{:016x}{:016x}", key.high, key.low);
}

std::string octets(const ChainLink& link) {
    std::string text;
    text.reserve(octetsOfLink);
    append(text, link.author, octetsOfTag);
    append(text, link.previousAuthor, octetsOfTag);
    append(text, link.templates);
    append(text, link.depth, 2);
    append(text, flag(link.automatic, 1) | flag(link.chainAutomatic, 2) | flag(link.prompt, 4), 1);
    return text;
}

std::string octets(const EndOfMessageQuestion::Message& message,
                   std::span<const EndOfMessageQuestion::Post> posts) {
    std::string text;
    append(text, secondsOf(message.lifetime), 4);
    append(text, secondsOf(message.lifetime), 4);
    text += octets(message.link);
    for (const EndOfMessageQuestion::Post& post : posts) {
        text += octets(post.list);
        append(text, secondsOf(message.lifetime), 4);
        text += octets(post.state);
    }
    return text;
}

std::string octets(const TurnState& state, seconds lifetime) {
    std::string text;
    append(text, secondsOf(lifetime), 4);
    append(text, state.author, octetsOfTag);
    append(text, flag(state.referring, 1) | flag(state.automatic, 2) | flag(state.toPrompt, 4), 1);
    append(text, state.templates);
    for (const TurnState::Seen& seen : state.seen) {
        append(text, seen.message, 4);
        append(text, seen.answer.turns, 2);
        append(text, flagsOf(seen.answer), 1);
    }
    return text;
}

std::string octets(const CopyState& state, seconds lifetime) {
    std::string text;
    append(text, secondsOf(lifetime), 4);
    append(text, state.copies, 4);
    append(text, state.lost, 2);
    append(text, state.constantIntervals, 2);
    append(text, state.interval, 4);
    return text;
}

namespace {

std::optional<KnownLink> knownLink(std::string_view octets, seconds age) {
    if (octets.size() != octetsOfLink)
        return std::nullopt;
    Octets reader(octets);
    KnownLink known;
    known.link.author = reader.take<std::uint64_t>();
    known.link.previousAuthor = reader.take<std::uint64_t>();
    for (std::uint64_t& each : known.link.templates)
        each = reader.take<std::uint64_t>();
    known.link.depth = reader.take<std::uint16_t>();
    const auto flags = reader.take<std::uint8_t>();
    known.link.automatic = (flags & 1U) != 0;
    known.link.chainAutomatic = (flags & 2U) != 0;
    known.link.prompt = (flags & 4U) != 0;
    known.age = age;
    return known;
}

} // namespace

std::optional<KnownLink> knownLink(RedisValue link, RedisValue age) {
    const auto octets = link.text();
    const auto old = numberOf<std::uint32_t>(age);
    if (!octets || !old)
        return std::nullopt;
    return knownLink(*octets, seconds(*old));
}

std::optional<KnownLink> knownMessage(RedisValue message, RedisValue left) {
    const auto octets = message.text();
    const auto milliseconds = left.integer();
    if (!octets || octets->size() < octetsOfTimes + octetsOfLink || !milliseconds)
        return std::nullopt;
    Octets reader(*octets);
    const std::chrono::milliseconds span = seconds(reader.take<std::uint32_t>());
    const seconds most(reader.take<std::uint32_t>());
    const auto passed =
        std::chrono::floor<seconds>(span - std::chrono::milliseconds(*milliseconds));
    const seconds age = std::max(passed, seconds(0));
    return age < most ? knownLink(reader.rest().substr(0, octetsOfLink), age) : std::nullopt;
}

std::string octets(const PostState& post) {
    std::string text;
    append(text, post.received, 4);
    append(text, post.stamps, octetsOfTag);
    return text;
}

std::optional<PostState> postState(std::string_view octets) {
    if (octets.size() != octetsOfPost)
        return std::nullopt;
    Octets reader(octets);
    PostState post;
    post.received = reader.take<std::uint32_t>();
    post.stamps = reader.take<std::uint64_t>();
    return post;
}

std::vector<std::string> turnArguments(const EndOfMessageQuestion::Row& row) {
    const Turn& turn = row.turn;
    std::string message;
    append(message, turn.message, 4);
    std::string templates;
    append(templates, turn.templates);
    const unsigned flags = flag(turn.referring, 1) | flag(turn.automatic, 2) |
                           flag(turn.reaction, 4) | flag(turn.chainAutomatic, 8) |
                           flag(turn.toPrompt, 16);
    return {octets(turn.author),   std::move(message),   std::to_string(turn.depth),
            std::to_string(flags), std::move(templates), std::to_string(row.lifetime.count())};
}

std::optional<TurnAnswer> turnAnswer(RedisValue value) {
    const auto turns = numberOf<std::uint16_t>(value[0]);
    const auto flags = numberOf<std::uint8_t>(value[1]);
    if (!turns || !flags)
        return std::nullopt;
    return TurnAnswer{*turns,
                      (*flags & 1U) != 0,
                      (*flags & 2U) != 0,
                      (*flags & 4U) != 0,
                      (*flags & 8U) != 0,
                      (*flags & 16U) != 0};
}

std::optional<CopyAnswer> copyAnswer(RedisValue value) {
    const auto before = numberOf<std::uint32_t>(value[0]);
    const auto lost = numberOf<std::uint32_t>(value[1]);
    const auto constant = numberOf<std::uint32_t>(value[2]);
    const auto interval = numberOf<std::uint32_t>(value[3]);
    if (!before || !lost || !constant || !interval)
        return std::nullopt;
    return CopyAnswer{*before, *lost, *constant, seconds(*interval)};
}

std::optional<BookEntry> bookEntry(std::string_view octets) {
    constexpr std::size_t octetsBeforeLabel = 24 + octetsOfKey;
    if (octets.size() < octetsBeforeLabel)
        return std::nullopt;
    Octets reader(octets);
    BookEntry entry;
    for (std::uint32_t* const number :
         {&entry.count, &entry.first, &entry.last, &entry.until, &entry.length, &entry.ends})
        *number = reader.take<std::uint32_t>();
    reader.skip(octetsOfKey);
    entry.label = reader.rest();
    return entry;
}

} // namespace sluice::redis
