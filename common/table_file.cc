// SPDX-License-Identifier: BSD-2-Clause
#include "common/table_file.hh"

#include "common/descriptor.hh"
#include "common/text.hh"
#include "common/words.hh"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <system_error>
#include <vector>

namespace sluice {

namespace {

constexpr std::size_t longestLine = 65536;
constexpr std::size_t pieceSize = 65536;
constexpr std::string_view byteOrderMark = "\xEF\xBB\xBF";

using OnLine = std::function<void(std::size_t, std::string_view)>;

std::string systemError(int number) {
    return std::generic_category().message(number);
}

/// Puts lines together from the pieces of a file.
class LineReader {
public:
    explicit LineReader(const OnLine& onLine) : onLine_(onLine) {}

    Result<void> take(std::string_view piece);
    Result<void> finish();
    [[nodiscard]] std::size_t lineNumber() const { return number_; }

private:
    Result<void> endLine(std::string_view tail);
    Result<void> checkLength(std::size_t added) const;

    const OnLine& onLine_;
    std::string begun_; // the part of a line that an earlier piece ended with
    std::size_t number_ = 1;
};

Result<void> LineReader::checkLength(std::size_t added) const {
    // one more for the CR of a line end
    if (begun_.size() + added > longestLine + 1)
        return fail(fmt::format("the line is longer than {} octets", longestLine));
    return {};
}

Result<void> LineReader::take(std::string_view piece) {
    for (;;) {
        const std::size_t end = piece.find('\n');
        if (auto fits = checkLength(piece.substr(0, end).size()); !fits)
            return fits;
        if (end == std::string_view::npos)
            break;
        if (auto taken = endLine(piece.substr(0, end)); !taken)
            return taken;
        piece.remove_prefix(end + 1);
    }
    begun_ += piece;
    return {};
}

Result<void> LineReader::finish() {
    return begun_.empty() ? Result<void>() : endLine({});
}

Result<void> LineReader::endLine(std::string_view tail) {
    if (!begun_.empty())
        tail = begun_ += tail;
    if (tail.ends_with('\r'))
        tail.remove_suffix(1);
    if (tail.size() > longestLine)
        return fail(fmt::format("the line is longer than {} octets", longestLine));
    if (tail.find('\0') != std::string_view::npos)
        return fail("the line holds a NUL");
    if (number_ == 1 && tail.starts_with(byteOrderMark))
        tail.remove_prefix(byteOrderMark.size());
    if (const std::string_view text = withoutComment(tail); !text.empty())
        onLine_(number_, text);
    begun_.clear();
    ++number_;
    return {};
}

/// Error: not a regular file. A pipe or a terminal could keep the daemon from starting for ever.
Result<void> checkIsFile(int descriptor) {
    struct stat status {};
    if (::fstat(descriptor, &status) != 0)
        return fail(systemError(errno));
    if (S_ISDIR(status.st_mode))
        return fail(systemError(EISDIR));
    if (!S_ISREG(status.st_mode))
        return fail("not a regular file");
    return {};
}

/// The octets read, 0 at the end of the file, or the error number as a negative value.
ssize_t readPiece(int descriptor, std::vector<char>& piece) {
    for (;;) {
        const ssize_t octets = ::read(descriptor, piece.data(), piece.size());
        if (octets >= 0)
            return octets;
        if (errno != EINTR)
            return -errno;
    }
}

Result<void> readLines(int descriptor, const std::string& shownPath, const OnLine& onLine) {
    LineReader lines(onLine);
    std::vector<char> piece(pieceSize);
    for (;;) {
        const ssize_t octets = readPiece(descriptor, piece);
        if (octets < 0)
            return fail(fmt::format("{}: cannot be read: {}", shownPath,
                                    systemError(static_cast<int>(-octets))));
        const auto taken = octets == 0
                               ? lines.finish()
                               : lines.take({piece.data(), static_cast<std::size_t>(octets)});
        if (!taken)
            return fail(
                fmt::format("{}:{}: {}", shownPath, lines.lineNumber(), taken.error().message));
        if (octets == 0)
            return {};
    }
}

} // namespace

Result<void> readTableFile(const std::string& path, const OnLine& onLine) {
    const std::string shownPath = escapeForDisplay(path);
    // without O_NONBLOCK the opening of a pipe that nobody writes to would never return
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (file.get() < 0)
        return fail(fmt::format("{}: cannot be opened: {}", shownPath, systemError(errno)));
    if (const auto fit = checkIsFile(file.get()); !fit)
        return fail(fmt::format("{}: cannot be read: {}", shownPath, fit.error().message));
    return readLines(file.get(), shownPath, onLine);
}

std::string_view tablePath(std::string_view value) {
    return value.starts_with("@/") ? value.substr(1) : std::string_view();
}

} // namespace sluice
