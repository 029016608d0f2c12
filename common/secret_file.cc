// SPDX-License-Identifier: BSD-2-Clause
#include "common/secret_file.hh"

#include "common/text.hh"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>

namespace sluice {
namespace {

constexpr mode_t forOthers = S_IRWXG | S_IRWXO;

std::string systemError() {
    return std::generic_category().message(errno);
}

Result<void> checkStatus(int descriptor) {
    struct stat status {};
    if (::fstat(descriptor, &status) != 0)
        return fail("cannot be read: " + systemError());
    if (!S_ISREG(status.st_mode))
        return fail("not a regular file");
    if ((status.st_mode & forOthers) != 0)
        return fail(fmt::format("holds secrets, but others than its owner have rights to it (mode "
                                "{:04o}, expected 0600)",
                                status.st_mode & 07777U));
    return {};
}

Result<std::string> readAll(int descriptor) {
    std::string text(longestSecretFile + 1, '\0');
    std::size_t filled = 0;
    while (filled < text.size()) {
        const ssize_t octets = ::read(descriptor, text.data() + filled, text.size() - filled);
        if (octets == 0)
            break;
        if (octets > 0)
            filled += static_cast<std::size_t>(octets);
        else if (errno != EINTR)
            return fail("cannot be read: " + systemError());
    }
    if (filled > longestSecretFile)
        return fail(fmt::format("longer than {} octets", longestSecretFile));
    text.resize(filled);
    return text;
}

Result<std::string> readFrom(int descriptor) {
    if (const auto fit = checkStatus(descriptor); !fit)
        return tl::unexpected(fit.error());
    return readAll(descriptor);
}

} // namespace

Result<std::string> readSecretFile(const std::string& path) {
    const std::string shownPath = escapeForDisplay(path);
    // without O_NONBLOCK the opening of a pipe that nobody writes to would never return
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0)
        return fail(fmt::format("{}: cannot be opened: {}", shownPath, systemError()));
    auto text = readFrom(descriptor);
    ::close(descriptor);
    if (!text)
        return fail(fmt::format("{}: {}", shownPath, text.error().message));
    return text;
}

} // namespace sluice
