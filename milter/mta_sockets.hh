// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <poll.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace sluice {

/// The connections of mail servers, read and written with few system calls.
///
/// What a mail server has sent is read at once. libmilter reads each command in two pieces and
/// polls up to three times for it: 58 polls and 35 reads for a message of eight headers, two thirds
/// of what a message costs. Here, what has come beyond the piece asked for is kept for the next
/// one.
///
/// libmilter also polls before each write. Here a connection is taken for writable, and only when a
/// write finds no room it waits, as long as that poll would have.
///
/// The edits of a message are held and sent together with the reply behind them. So they arrive
/// whole or not at all, wherever the filter ends, and wake the mail server up once; only those
/// longer than maxHeld go before it.
///
/// Concerns the descriptors from add() to remove(). With any other one, each function does what the
/// system call of its name does. errno is left as by them.
///
/// Threads: one connection is read by one thread at a time, and whoever hands it over to another
/// thread orders their accesses, as libmilter does with its lock. Any thread may poll.
class MtaSockets {
public:
    static constexpr std::size_t chunk = 8192;     ///< octets read beyond the piece asked for
    static constexpr std::size_t maxHeld = 65'536; ///< octets of edits

    constexpr MtaSockets() = default;
    ~MtaSockets();
    MtaSockets(const MtaSockets&) = delete;
    MtaSockets& operator=(const MtaSockets&) = delete;

    /// A new connection. Without memory for it, it stays as it is.
    void add(int descriptor) noexcept;
    /// Before the descriptor is closed. Forgets what was kept and held.
    void remove(int descriptor) noexcept;

    ssize_t read(int descriptor, void* into, std::size_t size) noexcept;
    ssize_t writev(int descriptor, const iovec* parts, int count) noexcept;
    int poll(pollfd* set, nfds_t size, int milliseconds) noexcept;

    /// The one of this process, for what libmilter accepts (see libmilter_calls.cc).
    static MtaSockets& ofLibmilter() noexcept;
    /// From now on, concerns what is accepted from this socket.
    void serve(int listening) noexcept { listening_.store(listening, std::memory_order_relaxed); }
    [[nodiscard]] bool serves(int listening) const noexcept {
        return listening_.load(std::memory_order_relaxed) == listening;
    }

private:
    /// Of one descriptor. Threads that do not have the connection look at the first two alone.
    struct Slot {
        std::atomic<bool> added = false;
        std::atomic<bool> kept = false; ///< some octets are
        bool readable = false;          ///< by the last poll, and not read since
        int patience = 0; ///< milliseconds of the last poll for room; <0: any; 0: there was none
        std::size_t begin = 0; ///< of what is kept
        std::size_t end = 0;
        std::unique_ptr<std::array<char, chunk>> octets; ///< until the connection is idle
        std::string held;                                ///< packets

        [[nodiscard]] std::size_t take(char* into, std::size_t size) noexcept;
        void forgetKept() noexcept;
        void forget() noexcept;         ///< all of the connection
        void giveMemoryBack() noexcept; ///< but what is to be sent
        [[nodiscard]] bool hold(std::span<const iovec> parts) noexcept;
        [[nodiscard]] bool waitForRoom(int descriptor) const noexcept;
    };
    static constexpr std::size_t slotsOfPage = 1024;
    static constexpr std::size_t maxPages = 1024;
    using Page = std::array<Slot, slotsOfPage>;

    [[nodiscard]] Page* pageOf(int descriptor) const noexcept;
    [[nodiscard]] Page* makePageOf(int descriptor) noexcept;
    [[nodiscard]] Slot* slotOf(int descriptor) const noexcept;
    [[nodiscard]] bool keepsFor(const pollfd& one) const noexcept;
    int pollOne(pollfd& one, int milliseconds) noexcept;
    static int pollToRead(Slot& slot, pollfd& one, int milliseconds) noexcept;
    static ssize_t send(Slot& slot, int descriptor, std::span<const iovec> parts) noexcept;

    std::atomic<int> listening_ = -1;
    /// By descriptor. A page stays once it is made, so that no thread can lose it.
    std::array<std::atomic<Page*>, maxPages> pages_{};
};

} // namespace sluice
