// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/daemon_config.hh"

#include "common/descriptor.hh"
#include "common/table_file.hh"
#include "common/text.hh"
#include "common/words.hh"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace sluice::ctl {
namespace {

constexpr std::string_view daemonName = "sluice-milter";

/// A file without a name, so that the filter never waits for us to read what it prints.
Descriptor scratchFile() {
    return Descriptor(::memfd_create("printed", MFD_CLOEXEC));
}

std::string contentOf(const Descriptor& file) {
    std::string text;
    std::array<char, 16UL * 1024> buffer{};
    for (;;) {
        const ssize_t got =
            ::pread(file.get(), buffer.data(), buffer.size(), static_cast<off_t>(text.size()));
        if (got <= 0)
            return text;
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

/// A path for the filter beside this program; else its name alone, to be looked for in PATH.
std::string daemonProgram() {
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    const std::string beside = (self.parent_path() / daemonName).string();
    return !error && ::access(beside.c_str(), X_OK) == 0 ? beside : std::string(daemonName);
}

struct Printed {
    int status = 0; ///< as waitpid(2) has it
    std::string out;
    std::string err;
};

class FileActions {
public:
    FileActions() { posix_spawn_file_actions_init(&actions_); }
    ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;
    void redirect(int from, const Descriptor& to) {
        posix_spawn_file_actions_adddup2(&actions_, to.get(), from);
    }
    [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

private:
    posix_spawn_file_actions_t actions_{};
};

Result<Printed> run(std::vector<std::string> words) {
    const Descriptor out = scratchFile();
    const Descriptor err = scratchFile();
    if (out.get() < 0 || err.get() < 0)
        return fail(fmt::format("no memory for what {} prints", daemonName));
    FileActions actions;
    actions.redirect(STDOUT_FILENO, out);
    actions.redirect(STDERR_FILENO, err);
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t child = 0;
    const int failed = ::posix_spawnp(&child, words.front().c_str(), actions.get(), nullptr,
                                      arguments.data(), environ);
    if (failed == ENOENT)
        return fail(fmt::format("{} is neither beside sluicectl nor in PATH", daemonName));
    if (failed != 0)
        return fail(fmt::format("{}: {}", escapeForDisplay(words.front()), std::strerror(failed)));
    Printed printed;
    while (::waitpid(child, &printed.status, 0) < 0)
        if (errno != EINTR)
            return fail(fmt::format("{}: {}", daemonName, std::strerror(errno)));
    printed.out = contentOf(out);
    printed.err = contentOf(err);
    return printed;
}

/// Its first complaint, and how many more there are. The last line only counts them.
std::string complaintOf(std::string_view text) {
    const auto lines = split(trim(text), '\n');
    std::string complaint = escapeForDisplay(lines.front());
    if (lines.size() > 2)
        complaint +=
            fmt::format(" (and {} more: {} --check shows all)", lines.size() - 2, daemonName);
    return complaint;
}

} // namespace

Result<DaemonConfig> DaemonConfig::parse(std::string_view printed) {
    DaemonConfig config;
    for (const std::string_view line : split(printed, '\n')) {
        const std::string_view setting = withoutComment(line);
        if (setting.empty())
            continue;
        const std::size_t equals = setting.find('=');
        if (equals == std::string_view::npos)
            return fail(fmt::format("{} prints {} where a setting is expected", daemonName,
                                    quoteForDisplay(line)));
        const std::size_t end =
            static_cast<std::size_t>(setting.data() - line.data()) + setting.size();
        std::string_view origin = trim(line.substr(end));
        origin.remove_prefix(origin.starts_with('#') ? 1 : 0);
        config.settings_.emplace_back(
            trim(setting.substr(0, equals)),
            Value{std::string(trim(setting.substr(equals + 1))), std::string(trim(origin))});
    }
    return config;
}

std::vector<DaemonConfig::Value> DaemonConfig::values(std::string_view name) const {
    std::vector<Value> found;
    for (const auto& [option, value] : settings_)
        if (option == name)
            found.push_back(value);
    return found;
}

Result<std::vector<DaemonConfig::Value>> DaemonConfig::allValues(std::string_view name) const {
    std::vector<Value> all;
    for (Value& value : values(name)) {
        const std::string path(tablePath(value.text));
        if (path.empty()) {
            all.push_back(std::move(value));
            continue;
        }
        const auto read = readTableFile(path, [&](std::size_t number, std::string_view text) {
            all.push_back({std::string(text), fmt::format("{}:{}", path, number)});
        });
        if (!read)
            return fail(fmt::format("{}: {}: {}", escapeForDisplay(value.origin), name,
                                    read.error().message));
    }
    return all;
}

std::string DaemonConfig::word(std::string_view name) const {
    const auto given = values(name);
    return given.empty() ? std::string() : unquoteWord(given.back().text);
}

Result<DaemonConfig> readDaemonConfig(const std::string& path) {
    const auto printed = run({daemonProgram(), "--print-config", "--config", path});
    if (!printed)
        return tl::unexpected(printed.error());
    if (WIFEXITED(printed->status) && WEXITSTATUS(printed->status) == 0)
        return DaemonConfig::parse(printed->out);
    if (trim(printed->err).empty())
        return fail(fmt::format("{} --print-config ends without a word", daemonName));
    return fail(complaintOf(printed->err));
}

} // namespace sluice::ctl
