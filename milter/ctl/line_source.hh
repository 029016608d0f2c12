// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::ctl {

/// The lines of a file, plain or made by gzip, which its first octets tell. One thread.
class LineSource {
public:
    struct Line {
        std::string_view text; ///< until the next call; without its LF
        bool ended = true;     ///< false: the file ends without a LF
        bool tooLong = false;  ///< there is more than `longest`, and `text` is its beginning
    };

    /// Error: it cannot be opened, with its name.
    static Result<LineSource> open(const std::string& path, std::size_t longest);

    /// nullopt: the end, or trouble().
    std::optional<Line> next();

    /// Why the file could not be read to its end; empty: it was.
    [[nodiscard]] const std::string& trouble() const { return trouble_; }
    /// How much of the file as it is stored has been read.
    [[nodiscard]] std::uint64_t position() const;

private:
    struct Close {
        void operator()(gzFile file) const { gzclose_r(file); }
    };

    LineSource(gzFile file, std::size_t longest) : file_(file), longest_(longest) {}
    bool fill();
    void skipRest();
    void noteTrouble();

    std::unique_ptr<gzFile_s, Close> file_;
    std::size_t longest_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0; ///< of what has not been given out
    std::size_t end_ = 0;
    bool atEnd_ = false;
    std::string trouble_;
};

} // namespace sluice::ctl
