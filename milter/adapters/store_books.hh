// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/store.hh"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sluice {

/// What a store in memory keeps for its operator: loops, their notices and clients, blocks, failed
/// members. Each book holds at most so many entries; then the one that has been quiet for longest
/// goes. One thread at a time; may throw std::bad_alloc.
class StoreBooks {
public:
    explicit StoreBooks(std::size_t maxEntries) : maxEntries_(maxEntries) {}

    bool claimNotice(const StoreKey& loop, SteadyTime now);
    CutCount countCut(const Cut& cut, SteadyTime now);
    Block block(const StoreKey& key, const std::string& label, SteadyTime now);
    std::vector<Block> blocks(SteadyTime now);
    void countBounce(const StoreKey& member, const std::string& label, SteadyTime now);
    bool addEntry(Store::Book book, const StoreKey& key, const std::string& label,
                  std::chrono::seconds lifetime, SteadyTime now);
    std::vector<StoreEntry> list(Store::Book book, SteadyTime now);
    std::size_t clear(Store::Book book, const std::optional<StoreKey>& key);

private:
    struct Hash {
        std::size_t operator()(const StoreKey& key) const {
            return static_cast<std::size_t>(key.low);
        }
    };
    template<typename Value>
    using Map = std::unordered_map<StoreKey, Value, Hash>;

    /// Every value of a map has `until`: from then on it is as good as forgotten.
    struct Entry {
        std::string label;
        std::uint64_t count = 0;
        SteadyTime first;
        SteadyTime last;
        SteadyTime until;
        std::chrono::seconds length{}; ///< of a block
        SteadyTime ends;               ///< of a block
    };
    /// Cuts of one loop in the last hour, by slices of time.
    class Window {
    public:
        std::uint32_t add(SteadyTime now);

    private:
        static constexpr std::int64_t slices = 12;
        std::array<std::uint32_t, slices + 1> counts_{};
        std::int64_t newest_ = 0;
    };
    struct ClientLoops {
        std::vector<std::pair<StoreKey, SteadyTime>> loops;
        SteadyTime until;
    };

    struct Notice {
        SteadyTime until;
    };
    struct LoopWindow {
        Window window;
        SteadyTime until;
    };

    template<typename Value>
    Value& entryOf(Map<Value>& map, const StoreKey& key, SteadyTime now);
    Entry& count(Map<Entry>& book, const StoreKey& key, const std::string& label, SteadyTime now,
                 std::chrono::seconds lifetime);
    std::uint32_t loopsOf(const Cut& cut, SteadyTime now);
    Map<Entry>& bookOf(Store::Book book);

    const std::size_t maxEntries_;
    Map<Entry> loops_;
    Map<Entry> blocks_;
    Map<Entry> bounces_;
    Map<Entry> allowed_;
    Map<Entry> denied_;
    Map<Notice> notices_;
    Map<LoopWindow> windows_;
    Map<ClientLoops> clients_;
};

} // namespace sluice
