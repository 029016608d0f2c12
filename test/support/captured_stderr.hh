// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>

namespace sluice::test {

/// What this process writes to stderr goes into a pipe. While nobody reads, a full pipe blocks the
/// writer, as a slow log would.
class CapturedStderr {
public:
    CapturedStderr() {
        std::array<int, 2> ends{};
        REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
        readEnd_ = ends[0];
        original_ = dup(STDERR_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[1]);
    }
    CapturedStderr(const CapturedStderr&) = delete;
    CapturedStderr& operator=(const CapturedStderr&) = delete;
    ~CapturedStderr() {
        dup2(original_, STDERR_FILENO);
        close(original_);
        close(readEnd_);
    }

    /// The next line, without its end; "" when none comes for `patienceMs`.
    std::string line(int patienceMs = 10'000) {
        std::size_t end = 0;
        while ((end = buffer_.find('\n')) == std::string::npos)
            if (!readSome(patienceMs))
                return {};
        std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return line;
    }

    /// Whoever writes next waits, until it is read.
    void fill() {
        rest();
        const std::string text(static_cast<std::size_t>(fcntl(STDERR_FILENO, F_GETPIPE_SZ)), '\n');
        REQUIRE(write(STDERR_FILENO, text.data(), text.size()) ==
                static_cast<ssize_t>(text.size()));
    }

    /// What is there now.
    std::string rest() {
        while (readSome(0))
            continue;
        return std::exchange(buffer_, {});
    }

private:
    bool readSome(int patienceMs) {
        pollfd readable{readEnd_, POLLIN, 0};
        int ready = 0;
        while ((ready = poll(&readable, 1, patienceMs)) < 0 && errno == EINTR)
            continue;
        std::array<char, 65536> piece{};
        const ssize_t got = ready > 0 ? read(readEnd_, piece.data(), piece.size()) : 0;
        if (got > 0)
            buffer_.append(piece.data(), static_cast<std::size_t>(got));
        return got > 0;
    }

    int readEnd_ = -1;
    int original_ = -1;
    std::string buffer_;
};

} // namespace sluice::test
