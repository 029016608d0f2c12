// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <exception>
#include <functional>
#include <thread>

namespace sluice::test {

/// Runs `prepare` and, if that is true, `work` in a thread that is gone afterwards; throws what
/// they throw. Returns what `prepare` returned.
inline bool inThread(const std::function<bool()>& prepare, const std::function<void()>& work) {
    bool possible = false;
    std::exception_ptr thrown;
    std::thread([&] {
        try {
            possible = prepare();
            if (possible)
                work();
        } catch (...) {
            thrown = std::current_exception();
        }
    }).join();
    if (thrown)
        std::rethrow_exception(thrown);
    return possible;
}

/// Runs `work` where mounts are seen by nobody else, and vanish afterwards. False: not permitted.
inline bool withOwnMounts(const std::function<void()>& work) {
    return inThread(
        [] {
            return unshare(CLONE_NEWNS) == 0 &&
                   mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
        },
        work);
}

/// Runs `work` as the user `nobody`; the other threads stay who they are (unlike with setuid(3)).
/// False: not permitted.
inline bool asNobody(const std::function<void()>& work) {
    constexpr unsigned nobody = 65534;
    return inThread([] { return syscall(SYS_setresuid, nobody, nobody, nobody) == 0; }, work);
}

} // namespace sluice::test
