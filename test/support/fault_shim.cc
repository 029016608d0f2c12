// SPDX-License-Identifier: BSD-2-Clause
//
// Loaded into the filter (LD_PRELOAD): functions of the C library that fail when the test wants
// them to (fault_plan.hh). AddressSanitizer brings an allocator of its own, so that those of memory
// do nothing there; failing_new.cc takes their place.

#include "test/support/fault_plan.hh"

#include <dlfcn.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cstdio>

using namespace sluice::faults;

namespace {

/// Not a pipe or the log, which know other faults.
bool isFile(int descriptor) {
    struct stat status {};
    return ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

template<typename... Arguments>
int systemCall(long number, Arguments... arguments) {
    return static_cast<int>(::syscall(number, arguments...));
}

} // namespace

extern "C" {

// other names of the C library's allocator, NOLINTBEGIN(bugprone-reserved-identifier)
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* place, size_t size);

void* malloc(size_t size) noexcept {
    return mayBeDone(Call::memory) ? __libc_malloc(size) : nullptr;
}

void* calloc(size_t count, size_t size) noexcept {
    return mayBeDone(Call::memory) ? __libc_calloc(count, size) : nullptr;
}

void* realloc(void* place, size_t size) noexcept {
    return mayBeDone(Call::memory) ? __libc_realloc(place, size) : nullptr;
}
// NOLINTEND(bugprone-reserved-identifier)

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                   void* argument) noexcept {
    using Create = int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
    static auto* const create = reinterpret_cast<Create*>(::dlsym(RTLD_NEXT, "pthread_create"));
    const int error = errorOf(Call::thread);
    return error != 0 ? error : create(thread, attributes, start, argument);
}

ssize_t write(int descriptor, const void* octets, size_t size) {
    if (isFile(descriptor) && !mayBeDone(Call::write))
        return -1;
    return ::syscall(SYS_write, descriptor, octets, size);
}

int fsync(int descriptor) {
    return mayBeDone(Call::sync) ? systemCall(SYS_fsync, descriptor) : -1;
}

int rename(const char* from, const char* to) noexcept {
    return mayBeDone(Call::rename) ? systemCall(SYS_rename, from, to) : -1;
}

int socket(int family, int type, int protocol) noexcept {
    return mayBeDone(Call::socket) ? systemCall(SYS_socket, family, type, protocol) : -1;
}

int connect(int descriptor, const sockaddr* address, socklen_t length) {
    return mayBeDone(Call::connect) ? systemCall(SYS_connect, descriptor, address, length) : -1;
}

int accept4(int descriptor, sockaddr* address, socklen_t* length, int flags) {
    return mayBeDone(Call::accept) ? systemCall(SYS_accept4, descriptor, address, length, flags)
                                   : -1;
}

} // extern "C"
