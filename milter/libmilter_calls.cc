// SPDX-License-Identifier: BSD-2-Clause
//
// Four functions of the C library as libmilter calls them. It offers no way to put other input
// between itself and the mail server, so these stand in the program under the names of the C
// library, which the dynamic linker prefers. They read ahead on the connections of mail servers;
// for every other descriptor, whoever uses it, they are the system calls. Linked into the daemon
// alone; left out under ThreadSanitizer, which learns the order of events from its own versions of
// them.

#undef _FORTIFY_SOURCE // or the C library's headers define some of these functions inline

#include "milter/read_ahead.hh"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

using sluice::ReadAhead;

extern "C" {

int accept(int listening, sockaddr* address, socklen_t* length) {
    const int descriptor = ::accept4(listening, address, length, 0);
    if (descriptor >= 0 && ReadAhead::ofLibmilter().serves(listening))
        ReadAhead::ofLibmilter().add(descriptor);
    return descriptor;
}

ssize_t read(int descriptor, void* into, size_t size) {
    return ReadAhead::ofLibmilter().read(descriptor, into, size);
}

int poll(pollfd* set, nfds_t size, int milliseconds) {
    return ReadAhead::ofLibmilter().poll(set, size, milliseconds);
}

int close(int descriptor) {
    ReadAhead::ofLibmilter().remove(descriptor);
    return static_cast<int>(::syscall(SYS_close, descriptor));
}

} // extern "C"
