// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <string>
#include <string_view>

namespace sluice {

/// A file that is being made. Until keep() its destruction removes it, wherever it was moved to.
/// Errors are PATH and what the system said. One thread at a time.
class SpoolFile {
public:
    /// Makes a file that was not there, of mode 0600.
    static Result<SpoolFile> create(std::string path);

    SpoolFile(SpoolFile&& other) noexcept;
    SpoolFile& operator=(SpoolFile&&) = delete;
    ~SpoolFile() { remove(); }

    /// All of it or an error.
    Result<void> write(std::string_view octets);
    /// Waits until the content is on disk, and closes the file: the last write.
    Result<void> sync();
    /// Renames within a file system.
    Result<void> moveTo(std::string path);

    void keep() noexcept { path_.clear(); }
    void remove() noexcept;

private:
    SpoolFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
    [[nodiscard]] tl::unexpected<Error> systemError() const;

    std::string path_;
    int descriptor_;
};

/// Waits until the names in a directory are on disk.
Result<void> syncDirectory(const std::string& path);

/// `WHAT: No such file or directory`, by errno.
tl::unexpected<Error> failBySystem(std::string_view what);

} // namespace sluice
