// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>

namespace sluice {

/// Reads at once all that a mail server has sent. libmilter reads each command in two pieces and
/// polls up to three times for it: 58 polls and 35 reads for a message of eight headers, two thirds
/// of what a message costs. Here, what has come beyond the piece asked for is kept for the next
/// one.
///
/// Concerns the descriptors from add() to remove(). With any other one, read() and poll() do what
/// the system calls of these names do. errno is left as by them.
///
/// Threads: one connection is read by one thread at a time, and whoever hands it over to another
/// thread orders their accesses, as libmilter does with its lock. Any thread may poll.
class ReadAhead {
public:
    static constexpr std::size_t chunk = 8192; ///< octets beyond the piece asked for

    constexpr ReadAhead() = default;
    ~ReadAhead();
    ReadAhead(const ReadAhead&) = delete;
    ReadAhead& operator=(const ReadAhead&) = delete;

    /// A new connection. Without memory for it, it stays as it is.
    void add(int descriptor) noexcept;
    /// Before the descriptor is closed. Forgets what was kept.
    void remove(int descriptor) noexcept;

    ssize_t read(int descriptor, void* into, std::size_t size) noexcept;
    int poll(pollfd* set, nfds_t size, int milliseconds) noexcept;

    /// The one of this process, for what libmilter accepts (see libmilter_calls.cc).
    static ReadAhead& ofLibmilter() noexcept;
    /// From now on, concerns what is accepted from this socket.
    void serve(int listening) noexcept { listening_.store(listening, std::memory_order_relaxed); }
    [[nodiscard]] bool serves(int listening) const noexcept {
        return listening_.load(std::memory_order_relaxed) == listening;
    }

private:
    /// Of one descriptor. Only `kept` is looked at by threads that do not have the connection.
    struct Slot {
        std::atomic<bool> added = false;
        std::atomic<bool> kept = false; ///< some octets are
        bool readable = false;          ///< by the last poll, and not read since
        std::size_t begin = 0;          ///< of what is kept
        std::size_t end = 0;
        std::unique_ptr<char[]> octets;

        [[nodiscard]] std::size_t take(char* into, std::size_t size) noexcept;
        void clear() noexcept;
    };
    static constexpr std::size_t slotsOfPage = 1024;
    static constexpr std::size_t maxPages = 1024;
    using Page = std::array<Slot, slotsOfPage>;

    [[nodiscard]] Page* pageOf(int descriptor) const noexcept;
    [[nodiscard]] Page* makePageOf(int descriptor) noexcept;
    [[nodiscard]] Slot* slotOf(int descriptor) const noexcept;
    [[nodiscard]] bool keepsFor(const pollfd& one) const noexcept;
    int pollOne(pollfd& one, int milliseconds) noexcept;

    std::atomic<int> listening_ = -1;
    /// By descriptor. A page stays once it is made, so that no thread can lose it.
    std::array<std::atomic<Page*>, maxPages> pages_{};
};

} // namespace sluice
