// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/stored_message.hh"

#include "common/text.hh"
#include "milter/policy/text_lines.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

namespace sluice::ctl {
namespace {

struct Close {
    void operator()(std::FILE* file) const {
        if (file != stdin)
            static_cast<void>(std::fclose(file));
    }
};
using File = std::unique_ptr<std::FILE, Close>;

/// Is the sender in the From line of an mbox nobody? Delivery agents write MAILER-DAEMON for `<>`.
bool isNobody(std::string_view fromLine) {
    const std::string_view behind = trim(fromLine.substr(fromLine.find(' ')));
    const std::string_view sender = behind.substr(0, behind.find(' '));
    return equalsIgnoringCase(sender, "MAILER-DAEMON") || sender == "<>";
}

/// Sendmail writes `<MAILER-DAEMON>`, often with its host behind, where it has no sender.
bool isNullPath(std::string_view value) {
    const std::string path = toLowerAscii(trim(value));
    return path == "<>" || path.starts_with("<mailer-daemon");
}

bool isFold(std::string_view line) {
    return line.starts_with(' ') || line.starts_with('\t');
}

/// The colon of a header field; blanks may stand before it (RFC 5322 section 4.5).
std::optional<std::size_t> fieldColon(std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    const std::string_view name = trim(line.substr(0, colon));
    const bool good = !name.empty() && std::all_of(name.begin(), name.end(),
                                                   [](char c) { return c > ' ' && c < '\x7f'; });
    return good ? std::optional(colon) : std::nullopt;
}

class HeaderReader {
public:
    explicit HeaderReader(StoredMessage& message) : message_(message) {}

    /// False when the line is none of the header; blank lines are the caller's.
    bool take(std::string_view line) {
        if (isFold(line) && !field_.empty()) {
            field_.append("\r\n").append(line);
            return true;
        }
        if (!fieldColon(line))
            return false;
        finish();
        field_ = line;
        return true;
    }

    void finish() {
        if (field_.empty())
            return;
        const std::string_view all = field_;
        const std::size_t colon = all.find(':');
        const std::string_view name = trim(all.substr(0, colon));
        const std::string_view value = all.substr(colon + 1);
        if (!pathSeen_ && equalsIgnoringCase(name, "Return-Path")) {
            message_.nullSender = isNullPath(value);
            pathSeen_ = true;
        }
        message_.headers.add(name, value);
        field_.clear();
    }

private:
    StoredMessage& message_;
    std::string field_;
    bool pathSeen_ = false;
};

} // namespace

StoredMessage parseStoredMessage(std::string_view text) {
    StoredMessage message;
    HeaderReader header(message);
    TextLines lines(text);
    std::string_view line;
    std::size_t bodyStart = text.size();
    for (bool first = true; lines.next(line); first = false) {
        if (first && line.starts_with("From ")) {
            message.nullSender = isNobody(line);
            continue;
        }
        if (line.empty() || !header.take(line)) {
            bodyStart = line.empty() ? lines.nextStart() : lines.lineStart();
            break;
        }
    }
    header.finish();
    message.body = text.substr(bodyStart);
    return message;
}

Result<std::string> readStoredText(const std::string& path, std::size_t limit, Progress* progress) {
    const File file(path == "-" ? stdin : std::fopen(path.c_str(), "rbe"));
    const auto failed = [&path](int error) {
        return fail(fmt::format("{}: {}", quoteForDisplay(path), std::strerror(error)));
    };
    if (!file)
        return failed(errno);
    std::string text;
    std::array<char, 64UL * 1024> buffer{};
    while (text.size() < limit) {
        const std::size_t wanted = std::min(buffer.size(), limit - text.size());
        const std::size_t got = std::fread(buffer.data(), 1, wanted, file.get());
        text.append(buffer.data(), got);
        if (progress != nullptr)
            progress->add(got);
        if (got < wanted)
            break;
    }
    if (std::ferror(file.get()) != 0)
        return failed(errno);
    return text;
}

Result<std::vector<std::string>> storedFiles(const std::string& path) {
    namespace fs = std::filesystem;
    std::error_code error;
    if (path == "-" || !fs::is_directory(path, error)) {
        if (path != "-" && !fs::exists(path, error))
            return fail(fmt::format("{}: there is no such file", quoteForDisplay(path)));
        return std::vector<std::string>{path};
    }
    std::vector<std::string> files;
    for (auto entry = fs::recursive_directory_iterator(path, error);
         !error && entry != fs::recursive_directory_iterator(); entry.increment(error))
        if (entry->is_regular_file(error))
            files.push_back(entry->path().string());
    if (error)
        return fail(fmt::format("{}: {}", quoteForDisplay(path), error.message()));
    std::sort(files.begin(), files.end());
    return files;
}

std::uint64_t totalOctets(const std::vector<std::string>& files) {
    namespace fs = std::filesystem;
    std::uint64_t total = 0;
    std::error_code error;
    for (const std::string& file : files) {
        if (file == "-" || !fs::is_regular_file(file, error))
            return 0;
        if (const auto size = fs::file_size(file, error); !error)
            total += size;
    }
    return total;
}

} // namespace sluice::ctl
