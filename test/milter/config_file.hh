// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sluice::test {

/// A file with the given content for the time of a test.
class ConfigFile {
public:
    explicit ConfigFile(std::string_view content) {
        const int descriptor = ::mkstemp(path_.data());
        if (descriptor < 0)
            throw std::runtime_error("no temporary file");
        ::close(descriptor);
        std::ofstream(path_, std::ios::binary) << content;
    }
    ~ConfigFile() { ::unlink(path_.c_str()); }
    ConfigFile(const ConfigFile&) = delete;
    ConfigFile& operator=(const ConfigFile&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_ = "/tmp/sluice-test-XXXXXX";
};

} // namespace sluice::test
