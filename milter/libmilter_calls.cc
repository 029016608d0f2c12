// SPDX-License-Identifier: BSD-2-Clause
//
// Seven functions of the C library as libmilter calls them. It offers no way to put anything
// between itself and the mail server or the clock, so these stand in the program under the names of
// the C library, which the dynamic linker prefers. For the connections of mail servers they go to
// MtaSockets; for every other descriptor, whoever uses it, they are the system calls.
//
// libmilter measures by the wall clock how long a session has been idle. When that clock was set
// forward by more than two hours, it would close all sessions that wait for their mail server, so
// it is told the time of a clock that nobody sets. Everybody else gets the wall clock.
//
// Where there is no descriptor or memory for a new connection, libmilter asks for it again at once
// and keeps a processor busy; so it is answered late. Where no thread can be started for a session,
// it forgets the session, which stays open for ever; so one of the threads that there are takes it.
//
// Linked into the daemon alone; left out under ThreadSanitizer, which learns the order of events
// from its own versions of them.

#undef _FORTIFY_SOURCE // or the C library's headers define some of these functions inline

#include "milter/mta_sockets.hh"

#include <dlfcn.h>
#include <libmilter/mfapi.h>
#include <link.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <ctime>

using sluice::MtaSockets;

namespace {

struct AddressRange {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;

    [[nodiscard]] bool contains(std::uintptr_t address) const {
        return begin <= address && address < end;
    }
};

/// For dl_iterate_phdr(): widens `range` to all segments of the object that has smfi_main().
int takeLibmilter(dl_phdr_info* object, std::size_t /*size*/, void* range) {
    AddressRange segments{UINTPTR_MAX, 0};
    bool found = false;
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        const ElfW(Phdr)& segment = object->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD)
            continue;
        const AddressRange one{object->dlpi_addr + segment.p_vaddr,
                               object->dlpi_addr + segment.p_vaddr + segment.p_memsz};
        segments = {std::min(segments.begin, one.begin), std::max(segments.end, one.end)};
        found = found || one.contains(reinterpret_cast<std::uintptr_t>(&smfi_main));
    }
    if (found)
        *static_cast<AddressRange*>(range) = segments;
    return found ? 1 : 0;
}

bool isOfLibmilter(const void* address) {
    static const AddressRange libmilter = [] {
        AddressRange range;
        ::dl_iterate_phdr(takeLibmilter, &range);
        return range;
    }();
    return libmilter.contains(reinterpret_cast<std::uintptr_t>(address));
}

/// The connection that could not be taken is still there, and will be for a while.
void waitForResources() {
    const int error = errno;
    if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) {
        constexpr timespec pause{0, 100'000'000};
        ::nanosleep(&pause, nullptr);
    }
    errno = error;
}

/// libmilter takes connections. Threads that it starts before are its own, and without them it
/// gives up.
std::atomic<bool> accepting = false;

using ThreadFunction = void*(void*);
using CreateThread = int(pthread_t*, const pthread_attr_t*, ThreadFunction*, void*);
using DetachThread = int(pthread_t);

/// Those of a sanitizer, where it is linked into the program.
extern "C" {
CreateThread __interceptor_pthread_create __attribute__((weak)); // NOLINT(*-identifier)
DetachThread __interceptor_pthread_detach __attribute__((weak)); // NOLINT(*-identifier)
}

/// What would be called if this program had no function of that name.
template<typename Function>
Function* next(Function* intercepted, const char* name) {
    return intercepted != nullptr ? intercepted
                                  : reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// This thread is none of those that libmilter starts for sessions, and runs their function.
thread_local bool onlyVisiting = false;

/// What libmilter starts threads for sessions with first detaches its thread, and returns at once
/// when it cannot: the worker pool then leaves the session to the next worker that has nothing to
/// do; a libmilter without a pool ends it.
void leaveToOthers(ThreadFunction* start, void* session) {
    onlyVisiting = true;
    start(session);
    onlyVisiting = false;
}

} // namespace

extern "C" {

int accept(int listening, sockaddr* address, socklen_t* length) {
    if (isOfLibmilter(__builtin_return_address(0)))
        accepting.store(true, std::memory_order_relaxed);
    const int descriptor = ::accept4(listening, address, length, 0);
    if (!MtaSockets::ofLibmilter().serves(listening))
        return descriptor;
    if (descriptor >= 0)
        MtaSockets::ofLibmilter().add(descriptor);
    else
        waitForResources();
    return descriptor;
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, ThreadFunction* start,
                   void* argument) noexcept {
    static CreateThread* const create = next(__interceptor_pthread_create, "pthread_create");
    const int error = create(thread, attributes, start, argument);
    const bool forSession = argument != nullptr && accepting.load(std::memory_order_relaxed) &&
                            isOfLibmilter(__builtin_return_address(0));
    if (error == 0 || !forSession)
        return error;
    leaveToOthers(start, argument);
    return 0;
}

int pthread_detach(pthread_t thread) noexcept {
    static DetachThread* const detach = next(__interceptor_pthread_detach, "pthread_detach");
    return onlyVisiting ? EINVAL : detach(thread);
}

ssize_t read(int descriptor, void* into, size_t size) {
    return MtaSockets::ofLibmilter().read(descriptor, into, size);
}

ssize_t writev(int descriptor, const iovec* parts, int count) {
    return MtaSockets::ofLibmilter().writev(descriptor, parts, count);
}

int poll(pollfd* set, nfds_t size, int milliseconds) {
    return MtaSockets::ofLibmilter().poll(set, size, milliseconds);
}

int close(int descriptor) {
    MtaSockets::ofLibmilter().remove(descriptor);
    return static_cast<int>(::syscall(SYS_close, descriptor));
}

time_t time(time_t* seconds) noexcept {
    const bool forLibmilter = isOfLibmilter(__builtin_return_address(0));
    timespec now{};
    ::clock_gettime(forLibmilter ? CLOCK_MONOTONIC : CLOCK_REALTIME, &now);
    if (seconds != nullptr)
        *seconds = now.tv_sec;
    return now.tv_sec;
}

} // extern "C"
