// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "test/support/scratch_directory.hh"

#include <cstdlib>
#include <filesystem>
#include <string>

namespace sluice::test {

/// A PATH with this script as the filter, until it goes.
class FakeFilter {
public:
    explicit FakeFilter(const std::string& script) {
        const std::string program = directory_.path("sluice-milter");
        test::writeFile(program, "#!/bin/sh\n" + script);
        std::filesystem::permissions(program, std::filesystem::perms::owner_all);
        setPath(directory_.path() + ":" + before_);
    }
    ~FakeFilter() { setPath(before_); }
    FakeFilter(const FakeFilter&) = delete;
    FakeFilter& operator=(const FakeFilter&) = delete;

    static void setPath(const std::string& path) { ::setenv("PATH", path.c_str(), 1); }

private:
    test::ScratchDirectory directory_;
    const std::string before_ = std::getenv("PATH");
};

} // namespace sluice::test
