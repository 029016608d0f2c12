// SPDX-License-Identifier: BSD-2-Clause
#include "milter/process.hh"

#include "common/text.hh"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#if defined(SLUICE_ADDRESS_SANITIZER)
#include <sanitizer/lsan_interface.h>
#endif

namespace sluice::process {
namespace {

#if defined(SLUICE_SANITIZED)
constexpr std::size_t threadStack = 8U << 20; // sanitizers need room in each frame
#else
constexpr std::size_t threadStack = 512U << 10;
#endif

/// poll() of more descriptors than this would cost libmilter more than it gains.
constexpr rlim_t fileLimit = 65'536;

tl::unexpected<Error> systemError(const std::string& what) {
    return fail(fmt::format("{}: {}", what, std::strerror(errno)));
}

sigset_t signalSet(std::initializer_list<int> signals) {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : signals)
        sigaddset(&set, signal);
    return set;
}

/// What is not open would be the number of the first socket, and get the lines of the log.
void openStandardStreams() {
    int descriptor = -1;
    do
        descriptor = ::open("/dev/null", O_RDWR); // NOLINT(*-vararg): the system's interface
    while (descriptor >= 0 && descriptor <= STDERR_FILENO);
    if (descriptor >= 0)
        ::close(descriptor);
}

} // namespace

void prepare() {
    openStandardStreams();
    const sigset_t waitedFor = signalSet({SIGHUP, SIGINT, SIGTERM, SIGUSR1});
    pthread_sigmask(SIG_BLOCK, &waitedFor, nullptr);
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN; // NOLINT: a macro of the system
    sigaction(SIGPIPE, &ignore, nullptr);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, threadStack);
    pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
}

std::size_t raiseFileLimit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const rlim_t wanted = std::min(limit.rlim_max, fileLimit);
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = wanted;
        setrlimit(RLIMIT_NOFILE, &limit);
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    return static_cast<std::size_t>(limit.rlim_cur);
}

Result<void> becomeUser(const std::string& user) {
    const std::size_t colon = user.find(':');
    const std::string name = user.substr(0, colon);
    const passwd* const entry = getpwnam(name.c_str());
    if (entry == nullptr)
        return fail(fmt::format("there is no user \"{}\"", escapeForDisplay(name)));
    const uid_t userId = entry->pw_uid;
    gid_t groupId = entry->pw_gid;
    if (colon != std::string::npos) {
        const group* const groupEntry = getgrnam(user.substr(colon + 1).c_str());
        if (groupEntry == nullptr)
            return fail(
                fmt::format("there is no group \"{}\"", escapeForDisplay(user.substr(colon + 1))));
        groupId = groupEntry->gr_gid;
    }
    if (geteuid() == userId && getegid() == groupId)
        return {};
    if (initgroups(name.c_str(), groupId) != 0 || setresgid(groupId, groupId, groupId) != 0 ||
        setresuid(userId, userId, userId) != 0)
        return systemError("cannot become user " + escapeForDisplay(user));
    return {};
}

Result<void> writePidFile(const std::string& path) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                            S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
    if (file < 0)
        return tl::unexpected(Error{std::strerror(errno)});
    struct stat status {};
    const std::string text = std::to_string(::getpid()) + '\n';
    Result<void> done;
    if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink != 1)
        done = fail("it is no plain file, or has another name too");
    else if (::ftruncate(file, 0) != 0 ||
             ::write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        done = tl::unexpected(Error{std::strerror(errno)});
    ::close(file);
    return done;
}

bool waitForReloadSignal() {
    const sigset_t reload = signalSet({SIGUSR1});
    const timespec second{1, 0};
    return sigtimedwait(&reload, nullptr, &second) == SIGUSR1;
}

void exitNow(int status) {
#if defined(SLUICE_ADDRESS_SANITIZER)
    __lsan_do_leak_check();
#endif
    _exit(status);
}

} // namespace sluice::process
