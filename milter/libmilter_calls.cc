// SPDX-License-Identifier: BSD-2-Clause
//
// Five functions of the C library as libmilter calls them. It offers no way to put anything between
// itself and the mail server, so these stand in the program under the names of the C library, which
// the dynamic linker prefers. For the connections of mail servers they go to MtaSockets; for every
// other descriptor, whoever uses it, they are the system calls. Linked into the daemon alone; left
// out under ThreadSanitizer, which learns the order of events from its own versions of them.

#undef _FORTIFY_SOURCE // or the C library's headers define some of these functions inline

#include "milter/mta_sockets.hh"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

using sluice::MtaSockets;

extern "C" {

int accept(int listening, sockaddr* address, socklen_t* length) {
    const int descriptor = ::accept4(listening, address, length, 0);
    if (descriptor >= 0 && MtaSockets::ofLibmilter().serves(listening))
        MtaSockets::ofLibmilter().add(descriptor);
    return descriptor;
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

} // extern "C"
