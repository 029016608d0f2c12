// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/child_process.hh"

#include "common/descriptor.hh"
#include "common/text.hh"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace sluice::ctl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int statusOfSignal = 128;
constexpr std::size_t pieceSize = 65536;

std::string systemError(int number) {
    return std::generic_category().message(number);
}

struct Pipe {
    Descriptor reading{-1};
    Descriptor writing{-1};

    static Result<Pipe> open() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0)
            return fail("no pipe: " + systemError(errno));
        return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
    }
};

/// A started program, which is ended if nobody has waited for it.
class Child {
public:
    Child(std::string path, const std::vector<std::string>& arguments) : words_{std::move(path)} {
        words_.insert(words_.end(), arguments.begin(), arguments.end());
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (id_ > 0) {
            ::kill(id_, SIGKILL);
            wait();
        }
    }

    Result<void> start(const Pipe& out, const Pipe& err) {
        std::vector<char*> pointers;
        for (std::string& word : words_)
            pointers.push_back(word.data());
        pointers.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_adddup2(&actions, out.writing.get(), STDOUT_FILENO);
        ::posix_spawn_file_actions_adddup2(&actions, err.writing.get(), STDERR_FILENO);
        const int failed = ::posix_spawn(&id_, words_.front().c_str(), &actions, nullptr,
                                         pointers.data(), environ);
        ::posix_spawn_file_actions_destroy(&actions);
        if (failed == 0)
            return {};
        id_ = -1;
        return fail("cannot be started: " + systemError(failed));
    }

    int wait() {
        int status = 0;
        while (::waitpid(id_, &status, 0) < 0 && errno == EINTR)
            continue;
        id_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : statusOfSignal + WTERMSIG(status);
    }

private:
    std::vector<std::string> words_;
    pid_t id_ = -1;
};

/// Reads what is there. False: the other side has ended.
bool readSome(int descriptor, std::string& text) {
    std::array<char, pieceSize> piece{};
    const ssize_t octets = ::read(descriptor, piece.data(), piece.size());
    if (octets > 0)
        text.append(piece.data(), static_cast<std::size_t>(octets));
    return octets > 0 || (octets < 0 && errno == EINTR);
}

Result<void> readBoth(const Pipe& out, const Pipe& err, std::size_t most, Clock::time_point until,
                      ChildOutput& output) {
    std::array<pollfd, 2> open{{{out.reading.get(), POLLIN, 0}, {err.reading.get(), POLLIN, 0}}};
    const std::array<std::string*, 2> texts{&output.out, &output.err};
    while (open[0].fd >= 0 || open[1].fd >= 0) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
        if (left <= 0)
            return fail("takes too long");
        const int ready = ::poll(open.data(), open.size(), static_cast<int>(left));
        if (ready < 0 && errno != EINTR)
            return fail("cannot be read: " + systemError(errno));
        for (std::size_t i = 0; ready > 0 && i < open.size(); ++i)
            if (open.at(i).revents != 0 && !readSome(open.at(i).fd, *texts.at(i)))
                open.at(i).fd = -1;
        if (output.out.size() + output.err.size() > most)
            return fail(fmt::format("writes more than {} octets", most));
    }
    return {};
}

std::string ownDirectory() {
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    return error ? "" : self.parent_path().string();
}

} // namespace

std::optional<std::string> findProgram(const std::string& name) {
    std::vector<std::string> places{ownDirectory()};
    if (const char* const path = std::getenv("PATH"); path != nullptr)
        for (const std::string_view place : split(path, ':'))
            places.emplace_back(place);
    places.insert(places.end(), {"/usr/local/sbin", "/usr/sbin", "/sbin"});
    for (std::string& place : places) {
        const bool absolute = place.starts_with('/');
        place.append(1, '/').append(name);
        if (absolute && ::access(place.c_str(), X_OK) == 0)
            return place;
    }
    return std::nullopt;
}

Result<ChildOutput> runProgram(const std::string& path, const std::vector<std::string>& arguments,
                               std::size_t most, std::chrono::milliseconds patience) {
    const auto failed = [&](const Error& error) {
        return fail(escapeForDisplay(path) + ": " + error.message);
    };
    auto out = Pipe::open();
    auto err = Pipe::open();
    if (!out || !err)
        return failed(out ? err.error() : out.error());
    Child child(path, arguments);
    if (const auto started = child.start(*out, *err); !started)
        return failed(started.error());
    ::close(out->writing.release());
    ::close(err->writing.release());
    ChildOutput output;
    if (const auto read = readBoth(*out, *err, most, Clock::now() + patience, output); !read)
        return failed(read.error());
    output.status = child.wait();
    return output;
}

} // namespace sluice::ctl
