// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/store.hh"

#include <cstddef>
#include <memory>

namespace sluice {

struct MemoryStoreSettings {
    /// For messages, rows of turns, copies and posts together. Taken as they fill up.
    std::size_t maxOctets = 88UL * 1024 * 1024;
    /// Entries of each book of the operator's.
    std::size_t maxBookEntries = 10'000;
};

/// A store in this process's memory, which is never unavailable unless memory is. When it is full,
/// the client that holds the most loses its oldest entry: one that floods it forgets its own.
std::shared_ptr<Store> makeMemoryStore(const MemoryStoreSettings& settings = {});

} // namespace sluice
