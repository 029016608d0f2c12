// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/locked.hh"
#include "common/text_seal.hh"
#include "milter/adapters/redis_client.hh"
#include "milter/adapters/redis_records.hh"
#include "milter/policy/store.hh"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sluice {

/// A store in Redis, which all nodes of a site share. Each operation is one round trip and one
/// atomic command or script a key, and endOfMessage() another one for what is not new; every key
/// ends by itself. Unavailable after settings.timeout at the latest, and
/// twice that after `now`; for the operator's lists after two seconds.
///
/// Names of keys are keyed hashes, labels are sealed: whoever reads the server learns no address.
class RedisStore : public Store {
public:
    RedisStore(RedisSettings settings, TextSeal seal);

    /// From now on labels are sealed so.
    void setSeal(TextSeal seal);
    [[nodiscard]] std::vector<RedisNodeStatus> status() const { return client_.status(); }
    /// For whatever else is kept there. Lives as long as the store.
    [[nodiscard]] RedisClient& client() { return client_; }

    std::optional<EndOfMessageAnswer> endOfMessage(const EndOfMessageQuestion& question,
                                                   SteadyTime now) noexcept override;
    std::optional<std::vector<std::optional<KnownLink>>>
    findMessages(const std::vector<StoreKey>& messages, SteadyTime now) noexcept override;
    bool withdrawCopy(const StoreKey& copy, SteadyTime now) noexcept override;
    bool noteLostAcknowledgement(const StoreKey& copy, SteadyTime now) noexcept override;
    std::optional<bool> claimNotice(const StoreKey& loop, SteadyTime now) noexcept override;
    std::optional<CutCount> countCut(const Cut& cut, SteadyTime now) noexcept override;
    std::optional<Block> block(const StoreKey& key, const std::string& label,
                               SteadyTime now) noexcept override;
    std::optional<std::vector<Block>> blocks(SteadyTime now) noexcept override;
    bool countBounce(const StoreKey& member, const std::string& label,
                     SteadyTime now) noexcept override;
    std::optional<bool> addEntry(Book book, const StoreKey& key, const std::string& label,
                                 std::chrono::seconds lifetime, SteadyTime now) noexcept override;
    std::optional<std::vector<StoreEntry>> list(Book book, SteadyTime now) noexcept override;
    std::optional<std::size_t> clear(Book book, const std::optional<StoreKey>& key,
                                     SteadyTime now) noexcept override;

private:
    /// An entry of a book. Times are seconds by the server's clock.
    struct Line {
        StoreKey key;
        std::string label;
        redis::BookEntry times;
    };
    /// A book as it was read, good for as long as it has that version.
    struct ReadBook {
        std::string version;
        std::vector<Line> lines;
    };
    /// Calls `use(line, now)` for each entry; false: unavailable. Every node asks for some books
    /// each second, so they are read only when they have changed.
    bool eachLine(Book book, SteadyTime deadline,
                  const std::function<void(const Line&, std::int64_t)>& use);
    [[nodiscard]] std::string keyOf(char kind, const StoreKey& key) const;
    [[nodiscard]] std::string bookKey(Book book) const;
    [[nodiscard]] std::string sealed(const std::string& label) const;
    [[nodiscard]] std::string opened(std::string_view sealed) const;
    [[nodiscard]] RedisCommand countEntry(Book book, const StoreKey& key, const std::string& label,
                                          const std::string& companion,
                                          std::chrono::seconds lifetime) const;
    /// Nothing: unavailable.
    std::optional<std::vector<RedisReply>> run(const std::vector<RedisCommand>& commands,
                                               SteadyTime asked);
    std::optional<std::vector<RedisReply>> run(const std::vector<RedisCommand>& commands,
                                               std::chrono::milliseconds patience);
    bool runAlone(RedisCommand command, SteadyTime now);
    /// The answer to this command has another form: the server is no use. Nothing.
    std::nullopt_t odd(const RedisCommand& command);
    void forgetTraces(const std::vector<RedisCommand>& commands);

    RedisClient client_;
    Snapshot<TextSeal> seal_;
    Locked<std::map<Book, ReadBook>> books_;
};

} // namespace sluice
