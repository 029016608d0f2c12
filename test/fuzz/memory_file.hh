// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "test/fuzz/fuzz_support.hh"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <string_view>

namespace sluice::fuzz {

/// A file that is on no disk, for what wants a path. Its owner alone may read it, so that it may
/// hold secrets.
class MemoryFile {
public:
    explicit MemoryFile(std::string_view content = {})
        : descriptor_(::memfd_create("fuzz", MFD_CLOEXEC)),
          path_(fmt::format("/proc/self/fd/{}", descriptor_)) {
        require(descriptor_ >= 0 && ::fchmod(descriptor_, S_IRUSR | S_IWUSR) == 0);
        write(content);
    }
    ~MemoryFile() { ::close(descriptor_); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    /// In place of what it held.
    void write(std::string_view content) const {
        require(::ftruncate(descriptor_, 0) == 0);
        require(::pwrite(descriptor_, content.data(), content.size(), 0) ==
                static_cast<ssize_t>(content.size()));
    }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    int descriptor_;
    std::string path_;
};

} // namespace sluice::fuzz
