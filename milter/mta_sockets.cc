// SPDX-License-Identifier: BSD-2-Clause
#include "milter/mta_sockets.hh"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <exception>
#include <new>
#include <string_view>

namespace sluice {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

/// There from the first call on, and to the end: any thread may be reading then.
union Lasting {
    constexpr Lasting() : connections() {}
    ~Lasting() {}
    Lasting(const Lasting&) = delete;
    Lasting& operator=(const Lasting&) = delete;
    MtaSockets connections;
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

MtaSockets::~MtaSockets() {
    for (std::atomic<Page*>& page : pages_)
        delete page.load(relaxed);
}

// --- descriptors --------------------------------------------------------------------------------

MtaSockets::Page* MtaSockets::pageOf(int descriptor) const noexcept {
    const std::size_t page = static_cast<std::size_t>(descriptor) / slotsOfPage;
    return descriptor < 0 || page >= maxPages ? nullptr
                                              : pages_[page].load(std::memory_order_acquire);
}

MtaSockets::Page* MtaSockets::makePageOf(int descriptor) noexcept {
    const std::size_t page = static_cast<std::size_t>(descriptor) / slotsOfPage;
    if (descriptor < 0 || page >= maxPages)
        return nullptr;
    std::unique_ptr<Page> made(new (std::nothrow) Page);
    Page* before = nullptr;
    if (made && pages_[page].compare_exchange_strong(before, made.get()))
        return made.release();
    return before;
}

MtaSockets::Slot* MtaSockets::slotOf(int descriptor) const noexcept {
    Page* page = pageOf(descriptor);
    if (page == nullptr)
        return nullptr;
    Slot& slot = (*page)[static_cast<std::size_t>(descriptor) % slotsOfPage];
    return slot.added.load(relaxed) ? &slot : nullptr;
}

void MtaSockets::add(int descriptor) noexcept {
    Page* page = pageOf(descriptor);
    if (page == nullptr)
        page = makePageOf(descriptor);
    if (page == nullptr)
        return;
    Slot& slot = (*page)[static_cast<std::size_t>(descriptor) % slotsOfPage];
    slot.forget();
    slot.added.store(true, relaxed);
}

void MtaSockets::remove(int descriptor) noexcept {
    if (Slot* slot = slotOf(descriptor)) {
        slot->forget();
        slot->added.store(false, relaxed);
    }
}

void MtaSockets::Slot::forget() noexcept {
    forgetKept();
    held.clear();
    patience = 0;
    giveMemoryBack();
}

void MtaSockets::Slot::giveMemoryBack() noexcept {
    octets.reset();
    if (held.empty())
        std::string().swap(held); // to assign an empty one would keep its memory
}

// --- reading ------------------------------------------------------------------------------------

std::size_t MtaSockets::Slot::take(char* into, std::size_t size) noexcept {
    const std::size_t taken = std::min(size, end - begin);
    std::memcpy(into, octets->data() + begin, taken);
    begin += taken;
    if (begin == end)
        forgetKept();
    return taken;
}

void MtaSockets::Slot::forgetKept() noexcept {
    kept.store(false, relaxed);
    readable = false;
    begin = end = 0;
}

ssize_t MtaSockets::read(int descriptor, void* into, std::size_t size) noexcept {
    const iovec piece{into, size};
    Slot* slot = slotOf(descriptor);
    if (slot == nullptr || size == 0)
        return systemRead(descriptor, {&piece, 1});
    if (slot->kept.load(relaxed))
        return static_cast<ssize_t>(slot->take(static_cast<char*>(into), size));
    slot->readable = false;
    if (!slot->octets)
        slot->octets.reset(new (std::nothrow) std::array<char, chunk>);
    if (!slot->octets)
        return systemRead(descriptor, {&piece, 1});
    const ssize_t count =
        systemRead(descriptor, std::array<iovec, 2>{piece, {slot->octets->data(), chunk}});
    if (count <= static_cast<ssize_t>(size))
        return count;
    slot->end = static_cast<std::size_t>(count) - size;
    slot->kept.store(true, relaxed);
    return static_cast<ssize_t>(size);
}

// --- writing ------------------------------------------------------------------------------------

namespace {

/// Of the packet that libmilter writes in one or two parts: the length of what follows it, and a
/// code.
constexpr std::size_t packetHead = 5;

/// One of those packets (SMFIR_ADDRCPT and the like in libmilter's mfdef.h) that come at the end of
/// a message only, and never without a reply behind them.
bool isEdit(const iovec& head) {
    constexpr std::string_view edits = "+2-ehimq";
    return head.iov_len == packetHead &&
           edits.find(static_cast<const char*>(head.iov_base)[packetHead - 1]) !=
               std::string_view::npos;
}

std::size_t sizeOf(std::span<const iovec> parts) {
    std::size_t size = 0;
    for (const iovec& part : parts)
        size += part.iov_len;
    return size;
}

} // namespace

/// False: there is no memory for it.
bool MtaSockets::Slot::hold(std::span<const iovec> parts) noexcept {
    const std::size_t before = held.size();
    try {
        for (const iovec& part : parts)
            held.append(static_cast<const char*>(part.iov_base), part.iov_len);
        return true;
    } catch (const std::exception&) {
        held.resize(before);
        return false;
    }
}

/// False, and errno is set: there is no room for more in time.
bool MtaSockets::Slot::waitForRoom(int descriptor) const noexcept {
    pollfd one{descriptor, POLLOUT, 0};
    for (;;) {
        const int ready = systemPoll({&one, 1}, patience);
        if (ready > 0)
            return true;
        if (ready == 0)
            errno = ETIMEDOUT;
        if (errno != EINTR)
            return false;
    }
}

/// What is held, and then `parts`; tells how much of these is sent, which is more than nothing.
ssize_t MtaSockets::send(Slot& slot, int descriptor, std::span<const iovec> parts) noexcept {
    std::array<iovec, 3> all{};
    std::copy(parts.begin(), parts.end(), all.begin() + 1);
    msghdr message{};
    message.msg_iov = all.data();
    message.msg_iovlen = parts.size() + 1;
    // where the system lacks memory for it, a TCP connection has room and yet takes nothing
    constexpr int mostRefusals = 2;
    int refusals = 0;
    for (;;) {
        all[0] = {slot.held.data(), slot.held.size()};
        const bool waits = slot.patience != 0 && refusals < mostRefusals;
        const ssize_t sent =
            ::sendmsg(descriptor, &message, MSG_NOSIGNAL | (waits ? MSG_DONTWAIT : 0));
        if (sent < 0 && waits && errno == EAGAIN && slot.waitForRoom(descriptor)) {
            ++refusals;
            continue;
        }
        if (sent < 0)
            return sent;
        refusals = 0;
        const std::size_t ofHeld = std::min(static_cast<std::size_t>(sent), slot.held.size());
        slot.held.erase(0, ofHeld);
        if (slot.held.empty() && (parts.empty() || static_cast<std::size_t>(sent) > ofHeld))
            return sent - static_cast<ssize_t>(ofHeld);
    }
}

ssize_t MtaSockets::writev(int descriptor, const iovec* parts, int count) noexcept {
    constexpr int mostParts = 2;
    Slot* slot = slotOf(descriptor);
    if (slot == nullptr || count < 1 || count > mostParts)
        return ::syscall(SYS_writev, descriptor, parts, count);
    const std::span<const iovec> all(parts, static_cast<std::size_t>(count));
    const std::size_t size = sizeOf(all);
    if (size == 0)
        return 0;
    if (isEdit(all.front()) && slot->held.size() + size <= maxHeld && slot->hold(all))
        return static_cast<ssize_t>(size);
    return send(*slot, descriptor, all);
}

// --- polling ------------------------------------------------------------------------------------

bool MtaSockets::keepsFor(const pollfd& one) const noexcept {
    const Slot* slot = (one.events & POLLIN) != 0 ? slotOf(one.fd) : nullptr;
    return slot != nullptr && slot->kept.load(relaxed);
}

int MtaSockets::poll(pollfd* set, nfds_t size, int milliseconds) noexcept {
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
int MtaSockets::pollOne(pollfd& one, int milliseconds) noexcept {
    const bool toRead = (one.events & POLLIN) != 0 && (one.events & ~(POLLIN | POLLPRI)) == 0;
    const bool toWrite = one.events == POLLOUT && milliseconds != 0;
    Slot* slot = toRead || toWrite ? slotOf(one.fd) : nullptr;
    if (slot == nullptr)
        return systemPoll({&one, 1}, milliseconds);
    if (toRead)
        return pollToRead(*slot, one, milliseconds);
    slot->patience = milliseconds;
    one.revents = POLLOUT;
    return 1;
}

int MtaSockets::pollToRead(Slot& slot, pollfd& one, int milliseconds) noexcept {
    if (!slot.held.empty() && send(slot, one.fd, {}) < 0 && errno != EINTR && errno != EAGAIN) {
        one.revents = POLLERR; // the connection is gone
        return 1;
    }
    if (slot.kept.load(relaxed) || slot.readable) {
        one.revents = POLLIN;
        return 1;
    }
    const int ready = systemPoll({&one, 1}, milliseconds);
    slot.readable = ready == 1 && one.revents == POLLIN;
    if (ready == 0)
        slot.giveMemoryBack(); // an idle session is to be small
    return ready;
}

MtaSockets& MtaSockets::ofLibmilter() noexcept {
    return lasting.connections;
}

} // namespace sluice
