// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/line_source.hh"

#include "common/text.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sluice::ctl {
namespace {

constexpr unsigned readAtOnce = 256U * 1024;

} // namespace

Result<LineSource> LineSource::open(const std::string& path, std::size_t longest) {
    errno = 0;
    gzFile file = gzopen(path.c_str(), "rbe");
    if (file == nullptr)
        return fail(fmt::format("{}: {}", quoteForDisplay(path),
                                errno == 0 ? "no memory to read it" : std::strerror(errno)));
    gzbuffer(file, readAtOnce);
    return LineSource(file, longest);
}

std::uint64_t LineSource::position() const {
    const auto offset = gzoffset(file_.get());
    return offset < 0 ? 0 : static_cast<std::uint64_t>(offset);
}

void LineSource::noteTrouble() {
    int code = Z_OK;
    const char* const text = gzerror(file_.get(), &code);
    if (code == Z_ERRNO)
        trouble_ = std::strerror(errno);
    else if (code == Z_BUF_ERROR)
        trouble_ = "the compressed data end too early";
    else if (code != Z_OK && code != Z_STREAM_END)
        trouble_ = escapeForDisplay(text);
}

/// Reads more behind what is there; false: there is no more.
bool LineSource::fill() {
    if (atEnd_)
        return false;
    if (begin_ > 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    if (buffer_.size() - end_ < readAtOnce)
        buffer_.resize(end_ + readAtOnce);
    const int octets = gzread(file_.get(), buffer_.data() + end_, readAtOnce);
    if (octets <= 0) {
        atEnd_ = true;
        noteTrouble();
        return false;
    }
    end_ += static_cast<std::size_t>(octets);
    return true;
}

/// To the end of a line that is too long.
void LineSource::skipRest() {
    while (true) {
        const auto* const start = buffer_.data() + begin_;
        if (const void* const found = std::memchr(start, '\n', end_ - begin_)) {
            begin_ += static_cast<std::size_t>(static_cast<const char*>(found) - start) + 1;
            return;
        }
        begin_ = end_;
        if (!fill())
            return;
    }
}

std::optional<LineSource::Line> LineSource::next() {
    std::size_t looked = 0;
    while (true) {
        const char* const start = buffer_.data() + begin_;
        const std::size_t size = end_ - begin_;
        if (const void* const found =
                size == looked ? nullptr : std::memchr(start + looked, '\n', size - looked)) {
            const auto length = static_cast<std::size_t>(static_cast<const char*>(found) - start);
            begin_ += length + 1;
            return Line{{start, std::min(length, longest_)}, true, length > longest_};
        }
        if (size > longest_) {
            skipRest();
            return Line{{}, true, true};
        }
        looked = size;
        if (fill())
            continue;
        begin_ = end_;
        if (size == 0)
            return std::nullopt;
        return Line{{buffer_.data() + end_ - size, size}, false, false};
    }
}

} // namespace sluice::ctl
