// SPDX-License-Identifier: BSD-2-Clause
#include "milter/read_ahead.hh"

#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <new>
#include <span>

namespace sluice {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

/// There from the first call on, and to the end: any thread may be reading then.
union Lasting {
    constexpr Lasting() : connections() {}
    ~Lasting() {}
    Lasting(const Lasting&) = delete;
    Lasting& operator=(const Lasting&) = delete;
    ReadAhead connections;
};
constinit Lasting lasting;

// Other names of the system calls that libmilter_calls.cc takes the place of.

int systemPoll(std::span<pollfd> set, int milliseconds) noexcept {
    constexpr int second = 1000;
    constexpr long nanoseconds = 1'000'000;
    const timespec patience{milliseconds / second, milliseconds % second * nanoseconds};
    return ::ppoll(set.data(), set.size(), milliseconds < 0 ? nullptr : &patience, nullptr);
}

ssize_t systemRead(int descriptor, std::span<const iovec> parts) noexcept {
    return ::readv(descriptor, parts.data(), static_cast<int>(parts.size()));
}

} // namespace

ReadAhead::~ReadAhead() {
    for (std::atomic<Page*>& page : pages_)
        delete page.load(relaxed);
}

// --- descriptors --------------------------------------------------------------------------------

ReadAhead::Page* ReadAhead::pageOf(int descriptor) const noexcept {
    const std::size_t page = static_cast<std::size_t>(descriptor) / slotsOfPage;
    return descriptor < 0 || page >= maxPages ? nullptr
                                              : pages_[page].load(std::memory_order_acquire);
}

ReadAhead::Page* ReadAhead::makePageOf(int descriptor) noexcept {
    const std::size_t page = static_cast<std::size_t>(descriptor) / slotsOfPage;
    if (descriptor < 0 || page >= maxPages)
        return nullptr;
    std::unique_ptr<Page> made(new (std::nothrow) Page);
    Page* before = nullptr;
    if (made && pages_[page].compare_exchange_strong(before, made.get()))
        return made.release();
    return before;
}

ReadAhead::Slot* ReadAhead::slotOf(int descriptor) const noexcept {
    Page* page = pageOf(descriptor);
    if (page == nullptr)
        return nullptr;
    Slot& slot = (*page)[static_cast<std::size_t>(descriptor) % slotsOfPage];
    return slot.added.load(relaxed) ? &slot : nullptr;
}

void ReadAhead::add(int descriptor) noexcept {
    Page* page = pageOf(descriptor);
    if (page == nullptr)
        page = makePageOf(descriptor);
    if (page == nullptr)
        return;
    Slot& slot = (*page)[static_cast<std::size_t>(descriptor) % slotsOfPage];
    slot.clear();
    slot.added.store(true, relaxed);
}

void ReadAhead::remove(int descriptor) noexcept {
    if (Slot* slot = slotOf(descriptor)) {
        slot->clear();
        slot->added.store(false, relaxed);
    }
}

// --- reading ------------------------------------------------------------------------------------

std::size_t ReadAhead::Slot::take(char* into, std::size_t size) noexcept {
    const std::size_t taken = std::min(size, end - begin);
    std::memcpy(into, octets.get() + begin, taken);
    begin += taken;
    if (begin == end)
        clear();
    return taken;
}

void ReadAhead::Slot::clear() noexcept {
    kept.store(false, relaxed);
    readable = false;
    begin = end = 0;
    octets.reset();
}

ssize_t ReadAhead::read(int descriptor, void* into, std::size_t size) noexcept {
    const iovec piece{into, size};
    Slot* slot = slotOf(descriptor);
    if (slot == nullptr || size == 0)
        return systemRead(descriptor, {&piece, 1});
    if (slot->kept.load(relaxed))
        return static_cast<ssize_t>(slot->take(static_cast<char*>(into), size));
    slot->readable = false;
    std::unique_ptr<char[]> beyond(new (std::nothrow) char[chunk]);
    if (!beyond)
        return systemRead(descriptor, {&piece, 1});
    const ssize_t count =
        systemRead(descriptor, std::array<iovec, 2>{piece, {beyond.get(), chunk}});
    if (count <= static_cast<ssize_t>(size))
        return count;
    slot->octets = std::move(beyond);
    slot->end = static_cast<std::size_t>(count) - size;
    slot->kept.store(true, relaxed);
    return static_cast<ssize_t>(size);
}

// --- polling ------------------------------------------------------------------------------------

bool ReadAhead::keepsFor(const pollfd& one) const noexcept {
    const Slot* slot = (one.events & POLLIN) != 0 ? slotOf(one.fd) : nullptr;
    return slot != nullptr && slot->kept.load(relaxed);
}

int ReadAhead::poll(pollfd* set, nfds_t size, int milliseconds) noexcept {
    if (size == 1)
        return pollOne(*set, milliseconds);
    const std::span<pollfd> all(set, size);
    const bool kept =
        std::any_of(all.begin(), all.end(), [this](const pollfd& one) { return keepsFor(one); });
    int ready = systemPoll(all, kept ? 0 : milliseconds);
    if (!kept || ready < 0)
        return ready;
    for (pollfd& one : all)
        if (keepsFor(one)) {
            ready += one.revents == 0 ? 1 : 0;
            one.revents = static_cast<short>(one.revents | POLLIN);
        }
    return ready;
}

/// By the one thread that has the connection.
int ReadAhead::pollOne(pollfd& one, int milliseconds) noexcept {
    const bool toRead = (one.events & POLLIN) != 0 && (one.events & ~(POLLIN | POLLPRI)) == 0;
    Slot* slot = toRead ? slotOf(one.fd) : nullptr;
    if (slot == nullptr)
        return systemPoll({&one, 1}, milliseconds);
    if (slot->kept.load(relaxed) || slot->readable) {
        one.revents = POLLIN;
        return 1;
    }
    const int ready = systemPoll({&one, 1}, milliseconds);
    slot->readable = ready == 1 && one.revents == POLLIN;
    return ready;
}

ReadAhead& ReadAhead::ofLibmilter() noexcept {
    return lasting.connections;
}

} // namespace sluice
